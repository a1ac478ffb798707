// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_WORKERS_FLAGS_H_
#define ATTUNE_TRAINER_WORKERS_FLAGS_H_

// Flags with which learner and worker find each other.

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "redis/connection.h"
#include "trainer/llm_backend.h"
#include "trainer/rollout_wire.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace attune::trainer {

// A Redis: a flag for its URL, --<stem>-prefix and --<stem>-password-file.
struct RedisFlags {
  std::string url;
  std::string prefix = "attune:";
  std::string password_file;

  // Returns the URL's option.
  CLI::Option* AddTo(CLI::App& command, const std::string& url_flag,
                     const std::string& stem, const std::string& description);
  // kInvalidArgument names the flag that is wrong; errors of ReadFile.
  absl::StatusOr<redis::Connection::Options> Connection(
      const std::string& url_flag) const;
};

// The LLMs of `attune_trainer worker` processes: the learner's side.
struct WorkersFlags {
  RedisFlags redis;
  double timeout = 600.0;
  double lease = 15.0;

  void AddTo(CLI::App& command);
  bool given() const { return !redis.url.empty(); }
  // Waits for a worker unless `llm` says what it must have (RemoteOptions).
  // Errors of RemoteBackend::Create; kInvalidArgument names the flag.
  absl::StatusOr<std::unique_ptr<LlmBackend>> Make(
      std::optional<LlmFacts> llm, const std::string& identity) const;
};

// Prints a line on stderr, beside a progress line that may be there.
void SayOnStderr(const std::string& line);

// 16 random hexadecimal digits.
std::string RandomName();

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_WORKERS_FLAGS_H_
