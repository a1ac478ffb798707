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

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "attune/v1/decision_log.pb.h"
#include "policy/policy.h"
#include "policy/revision.h"
#include "server/decision_token.h"
#include "server/traffic.h"

namespace attune::server {

// A decision on its way to the log. Only moves on the request path.
struct DecisionRecord {
  DecisionId decision_id = {};
  absl::Time time;
  UserPseudonym user = {};
  std::shared_ptr<const policy::Revision> revision;
  TrafficRole role = TrafficRole::kActive;
  // Of kShadow: the decision that answered the request.
  DecisionId served_decision_id = {};
  policy::Choice choice;
  // UNSPECIFIED is SAMPLE.
  v1::DecisionMode mode = v1::DECISION_MODE_UNSPECIFIED;
  policy::Readout readout = policy::Readout::kLikelihood;
  // UserState::features.
  Eigen::VectorXf state;
  // Choice::option_probabilities, which `choice` itself lacks. Empty: the
  // writer computes them again, with the revision and the state.
  std::vector<float> option_probabilities;
  // In displayed order.
  std::vector<std::string> displayed_item_ids;
  // Bytes of a v1::GetPromptRequest. Empty: not kept.
  std::string request;
};

// What the log keeps of a decision; the caller adds ids, time, user and role.
// Takes the decision's state and its options' probabilities.
DecisionRecord MakeRecord(std::shared_ptr<const policy::Revision> revision,
                          v1::DecisionMode mode,
                          absl::Span<const policy::Item> candidates,
                          policy::Decision* decision);

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

// All of the record but decision_id, decide_time and user, which the log keeps
// in columns of their own.
void RecordToProto(const DecisionRecord& record, v1::LoggedDecision* proto);

// Finds damage, not fraud: 64 bits over the bytes of a row.
int64_t RowChecksum(std::string_view key, std::string_view record);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOG_RECORD_H_
