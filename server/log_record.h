// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LOG_RECORD_H_
#define ATTUNE_SERVER_LOG_RECORD_H_

// What goes into the decision log, as the request path hands it over, and the
// bytes that it becomes.
//
// What is kept and why: a trainer must be able to learn off-policy from the log
// alone. So the state itself is kept and not only its digest (neither trainer
// nor server could get it back without the history, which is not kept), and
// every option's probability beside the propensity (the slate estimator and the
// support checks need what else could have been chosen). The history says most
// about a person and is only needed to value a revision with another encoder,
// so it is kept only where the operator says so. See
// docs/adr/2026-11-25-decision-log.md.
//
// Plain values and pure functions; safe to call from any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "attune/v1/decision_log.pb.h"
#include "policy/policy.h"
#include "policy/revision.h"
#include "server/decision_token.h"
#include "server/traffic.h"

namespace attune::server {

// A decision on its way to the log.
struct DecisionRecord {
  DecisionId decision_id = {};
  absl::Time time;
  UserPseudonym user = {};
  // Of a v1::LoggedDecision, by AppendRecord(). One string, so that handing it
  // to another thread takes one allocation.
  std::string bytes;
};

// A decision as those who made it have it. Borrows everything.
struct DecisionToLog {
  const policy::Revision& revision;
  const policy::Decision& decision;
  // In the caller's order.
  absl::Span<const policy::Item> candidates;
  // As the request had it: UNSPECIFIED is SAMPLE.
  v1::DecisionMode mode = v1::DECISION_MODE_SAMPLE;
  TrafficRole role = TrafficRole::kActive;
  // Of kShadow: the decision that answered the request.
  const DecisionId* served_decision_id = nullptr;
  // Bytes of the v1::GetPromptRequest, which was parsed before. Empty: its items
  // are not kept.
  std::string_view request = {};
};

// Appends the bytes of a v1::LoggedDecision. It lacks what the log keeps in
// columns of their own (decision_id, decide_time, user, feedback), and
// state_digest, which the reader computes. REQUIRES: the choice has its
// option_probabilities.
void AppendRecord(const DecisionToLog& source, std::string* out);

// A feedback that was checked.
struct FeedbackRecord {
  DecisionId decision_id = {};
  // Of the decision.
  absl::Time issue_time;
  UserPseudonym user = {};
  std::string request_id;
  v1::LoggedFeedback feedback;
};

// What a caller is told about a feedback.
struct FeedbackResult {
  float reward = 0.0F;
  bool duplicate = false;
  // True if it was recorded by this call.
  bool is_new = false;
};

// LoggedDecision::state_digest of LoggedDecision::state.
std::string StateDigest(absl::Span<const float> state);

// Finds damage, not fraud: 64 bits over the bytes of a row.
int64_t RowChecksum(std::string_view key, std::string_view record);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOG_RECORD_H_
