// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "redis/endpoint.h"
#include "trainer/collector.h"
#include "trainer/command.h"
#include "trainer/files.h"

namespace attune::trainer {
namespace {

struct CollectFlags {
  std::string redis_url;
  std::string redis_password_file;
  std::string redis_prefix = "attune:";
  std::string log;
  std::string keep = "720h";
  std::string consumer = "collector";
};

absl::Status Collect(const CollectFlags& flags) {
  absl::Duration keep;
  if (!absl::ParseDuration(flags.keep, &keep) || keep <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--keep: must be a time such as 720h");
  }
  auto endpoint = redis::ParseUrl(flags.redis_url);
  if (!endpoint.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--redis-url: ", endpoint.status().message()));
  }
  if (!flags.redis_password_file.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string password,
                            ReadFile(flags.redis_password_file));
    endpoint->password = std::string(absl::StripAsciiWhitespace(password));
  }
  Collector collector({.redis = {.endpoint = *std::move(endpoint)},
                       .prefix = flags.redis_prefix,
                       .consumer = flags.consumer});
  ATTUNE_ASSIGN_OR_RETURN(const CollectedLog::Counts counts,
                          collector.Collect(flags.log, absl::Now() - keep));
  const auto number = [](int64_t n) { return static_cast<long long>(n); };
  std::printf(
      "%s: %lld decisions, %lld with feedback; %lld feedback wait for their "
      "decision\n%lld records came, %lld of them once more, %lld damaged; %lld "
      "were too old\n",
      flags.log.c_str(), number(counts.decisions), number(counts.with_feedback),
      number(counts.waiting),
      number(counts.added + counts.repeated + collector.damaged()),
      number(counts.repeated), number(collector.damaged()),
      number(counts.aged));
  return absl::OkStatus();
}

}  // namespace

Command AddCollectCommand(CLI::App& app) {
  auto flags = std::make_shared<CollectFlags>();
  CLI::App* command = app.add_subcommand(
      "collect",
      "Takes the decisions and feedback that servers put into Redis into a "
      "file "
      "for `train --from-log` and `ope`, and ends. Run one at a time.");
  command
      ->add_option("--redis-url", flags->redis_url,
                   "redis://[user[:password]@]host[:port][/database]")
      ->envname("ATTUNE_TRAINER_REDIS_URL")
      ->required();
  command
      ->add_option("--redis-password-file", flags->redis_password_file,
                   "File with the password")
      ->envname("ATTUNE_TRAINER_REDIS_PASSWORD_FILE");
  command
      ->add_option("--redis-prefix", flags->redis_prefix,
                   "As the servers' --redis_prefix")
      ->envname("ATTUNE_TRAINER_REDIS_PREFIX")
      ->capture_default_str();
  command
      ->add_option("--log", flags->log, "The file; what it holds already stays")
      ->required();
  command->add_option("--keep", flags->keep, "Older decisions go")
      ->capture_default_str();
  command
      ->add_option("--consumer", flags->consumer,
                   "Name of this collector in the consumer group")
      ->capture_default_str();
  return {.app = command, .run = [flags] { return Collect(*flags); }};
}

}  // namespace attune::trainer
