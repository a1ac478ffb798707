// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_FEEDBACK_H_
#define ATTUNE_SERVER_FEEDBACK_H_

// What RecordFeedback does, without gRPC: checks the token and the outcome,
// computes the reward, hands both to the log.

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attune/v1/prompt_service.pb.h"
#include "server/decision_log.h"
#include "server/decision_token.h"

namespace attune::server {

inline constexpr int kMaxRequestIdBytes = 64;
inline constexpr int kRewardCut = 10;

// The outcome as it is logged, its reward computed: NDCG@10 of a ranking, with
// the relevant items that were not ranked counted as missed. kInvalidArgument
// names the field. Pure.
absl::StatusOr<v1::LoggedFeedback> OutcomeOf(
    const v1::RecordFeedbackRequest& request);

// Borrows the signer and the log; they must outlive it. Thread-safe; does not
// block.
class FeedbackHandler {
 public:
  struct Options {
    const TokenSigner* signer;
    // Null if there is none: every call fails.
    DecisionLog* log;
    // How long after a decision its feedback is accepted.
    absl::Duration window;
    // The time. Thread-safe.
    std::function<absl::Time()> clock;
    // Told of each feedback that was recorded for the first time, on the log's
    // thread. Optional.
    std::function<void(const DecisionClaims&, float reward)> on_recorded = {};
  };
  using Done = std::function<void(absl::StatusOr<v1::RecordFeedbackResponse>)>;

  explicit FeedbackHandler(Options options) : options_(std::move(options)) {}

  // Calls `done` exactly once, here or on the log's thread; the errors are those
  // of the RPC (prompt_service.proto).
  void RecordFeedback(const v1::RecordFeedbackRequest& request,
                      Done done) const;

 private:
  // Fills `claims` with what the token states.
  absl::StatusOr<FeedbackRecord> Check(const v1::RecordFeedbackRequest& request,
                                       DecisionClaims* claims) const;

  const Options options_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_FEEDBACK_H_
