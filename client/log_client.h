// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_LOG_CLIENT_H_
#define ATTUNE_CLIENT_LOG_CLIENT_H_

// Reads a server's decision log and erases users from it, over the control
// plane. What trainers and operators use.
//
// Create() once and copy freely: copies share one connection. The connection is
// made by the first call. Calls block, at most for the deadline each (2 minutes
// unless the options say another; each page of ReadDecisions() is a call), and
// are tried again on UNAVAILABLE and when the server says after what time.
// Thread-safe.
//
// Example:
//   ATTUNE_ASSIGN_OR_RETURN(LogClient client,
//                           LogClient::Create({.target = "localhost:50052"}));
//   ATTUNE_ASSIGN_OR_RETURN(ReadSummary read, client.ReadDecisions(
//       {.only_with_feedback = true},
//       [&](const v1::LoggedDecision& decision) { Learn(decision); }));

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "attune/v1/log_service.pb.h"
#include "client/options.h"

namespace attune::client {

struct ReadOptions {
  // Leaves out decisions that nothing was reported of.
  bool only_with_feedback = false;
};

struct ReadSummary {
  int64_t decisions = 0;
  int64_t with_feedback = 0;
  // In mode APPRENTICE: the caller's own choices.
  int64_t apprentice = 0;
  // Records that the server left out because they are damaged.
  int64_t damaged = 0;
};

class LogClient {
 public:
  // kInvalidArgument if an option is out of its range; kNotFound if a file of its
  // TlsOptions cannot be read. Does not connect.
  static absl::StatusOr<LogClient> Create(ClientOptions options = {});

  // Calls `each` for every decision that the log holds, oldest first, on the
  // caller's thread. Stops at the first error; what was read was read.
  absl::StatusOr<ReadSummary> ReadDecisions(
      const ReadOptions& options,
      const std::function<void(const v1::LoggedDecision&)>& each) const;

  // Erases a user. Once it is OK, no byte of theirs is left in the log's files.
  // Idempotent.
  absl::StatusOr<v1::ForgetUserResponse> ForgetUser(
      const std::string& user_id) const;

 private:
  struct Impl;
  explicit LogClient(std::shared_ptr<const Impl> impl);

  std::shared_ptr<const Impl> impl_;
};

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_LOG_CLIENT_H_
