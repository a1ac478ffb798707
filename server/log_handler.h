// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LOG_HANDLER_H_
#define ATTUNE_SERVER_LOG_HANDLER_H_

// What LogService does, without gRPC. Borrows the log (null if there is none)
// and the signer; they must outlive it. The errors are those of the RPCs of the
// same names (log_service.proto). Thread-safe.

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attune/v1/log_service.pb.h"
#include "server/decision_log.h"
#include "server/decision_token.h"

namespace attune::server {

inline constexpr int kDefaultDecisionPage = 500;
inline constexpr int kMaxDecisionPage = 1000;

class LogHandler {
 public:
  LogHandler(DecisionLog* log, const TokenSigner* signer)
      : log_(log), signer_(*signer) {}

  // Blocks on the disk.
  absl::Status ListDecisions(const v1::ListDecisionsRequest& request,
                             v1::ListDecisionsResponse* response) const;

  // Calls `done` exactly once, here or on the log's thread. Does not block.
  void ForgetUser(const v1::ForgetUserRequest& request,
                  DecisionLog::ForgetDone done) const;

 private:
  absl::Status Check(const v1::ForgetUserRequest& request) const;

  DecisionLog* const log_;
  const TokenSigner& signer_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOG_HANDLER_H_
