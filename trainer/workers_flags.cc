// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/workers_flags.h"

#include <cstdint>
#include <cstdio>
#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "redis/endpoint.h"
#include "trainer/files.h"
#include "trainer/flag.h"
#include "trainer/remote_backend.h"

namespace attune::trainer {
namespace {

constexpr double kMostSeconds = 86400.0;

}  // namespace

void SayOnStderr(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
}

std::string RandomName() {
  std::random_device device;
  return absl::StrFormat("%08x%08x", static_cast<uint32_t>(device()),
                         static_cast<uint32_t>(device()));
}

CLI::Option* RedisFlags::AddTo(CLI::App& command, const std::string& url_flag,
                               const std::string& stem,
                               const std::string& description) {
  CLI::Option* const option = Flag(command, url_flag, url, description);
  Flag(command, stem + "-prefix", prefix, "Before every key in that Redis");
  Flag(command, stem + "-password-file", password_file,
       "File that holds its password");
  return option;
}

absl::StatusOr<redis::Connection::Options> RedisFlags::Connection(
    const std::string& url_flag) const {
  redis::Connection::Options options;
  absl::StatusOr<redis::Endpoint> endpoint = redis::ParseUrl(url);
  if (!endpoint.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", url_flag, ": ", endpoint.status().message()));
  }
  options.endpoint = *std::move(endpoint);
  if (password_file.empty()) return options;
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, ReadFile(password_file));
  options.endpoint.password = std::string(absl::StripAsciiWhitespace(text));
  if (!options.endpoint.password.empty()) return options;
  return absl::InvalidArgumentError(
      absl::StrCat(password_file, ": holds no password"));
}

void WorkersFlags::AddTo(CLI::App& command) {
  redis.AddTo(
      command, "workers", "workers",
      "Redis, redis://host:6379/0, through which `attune_trainer worker`"
      " processes rank with their LLMs, instead of one here");
  Flag(command, "workers-timeout", timeout,
       "Seconds without an answer, or without a worker at the start, after "
       "which rankings count as lost");
  Flag(command, "workers-lease", lease,
       "Seconds after which a worker that is not heard of loses what it took");
}

absl::StatusOr<std::unique_ptr<LlmBackend>> WorkersFlags::Make(
    std::optional<LlmFacts> llm, const std::string& identity) const {
  if (!(timeout >= 1.0 && timeout <= kMostSeconds) ||
      !(lease >= 0.1 && lease <= kMostSeconds)) {
    return absl::InvalidArgumentError(
        "--workers-timeout must be 1 to 86400 seconds, --workers-lease 0.1 to "
        "86400");
  }
  ATTUNE_ASSIGN_OR_RETURN(redis::Connection::Options connection,
                          redis.Connection("workers"));
  ATTUNE_ASSIGN_OR_RETURN(
      std::unique_ptr<LlmBackend> made,
      RemoteBackend::Create({.redis = std::move(connection),
                             .prefix = redis.prefix,
                             .run = RandomName(),
                             .llm = std::move(llm),
                             .identity = identity,
                             .lease = absl::Seconds(lease),
                             .patience = absl::Seconds(timeout),
                             .clock = absl::Now,
                             .sleep = absl::SleepFor,
                             .say = SayOnStderr}));
  return made;
}

}  // namespace attune::trainer
