// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "trainer/collector.h"
#include "trainer/command.h"
#include "trainer/workers_flags.h"

namespace attune::trainer {
namespace {

struct CollectFlags {
  RedisFlags redis;
  std::string log;
  std::string keep = "720h";
  std::string consumer = "collector";
};

absl::Status Collect(const CollectFlags& flags) {
  absl::Duration keep;
  if (!absl::ParseDuration(flags.keep, &keep) || keep <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--keep: must be a time such as 720h");
  }
  ATTUNE_ASSIGN_OR_RETURN(redis::Connection::Options connection,
                          flags.redis.Connection("redis-url"));
  Collector collector({.redis = std::move(connection),
                       .prefix = flags.redis.prefix,
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
  flags->redis
      .AddTo(*command, "redis-url", "redis",
             "redis://[user[:password]@]host[:port][/database], the servers'")
      ->required();
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
