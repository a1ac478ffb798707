// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/feedback.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/item.h"
#include "policy/metrics.h"
#include "policy/status_macros.h"
#include "server/convert.h"
#include "server/error_reason.h"

namespace attune::server {
namespace {

using Ids = google::protobuf::RepeatedPtrField<std::string>;

absl::Status CheckIds(const char* field, int at_least, const Ids& ids) {
  if (ids.size() < at_least || ids.size() > policy::kMaxCandidates) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ": must be ", at_least, " to ", policy::kMaxCandidates, " ids"));
  }
  for (int i = 0; i < ids.size(); ++i) {
    if (ids[i].empty() || ids[i].size() > policy::kMaxIdBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          field, "[", i, "]: must be 1 to ", policy::kMaxIdBytes, " bytes"));
    }
    if (std::find(ids.begin(), ids.begin() + i, ids[i]) != ids.begin() + i) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, "[", i, "]: repeats an earlier one"));
    }
  }
  return absl::OkStatus();
}

float RewardOf(const v1::RankingOutcome& outcome) {
  const Ids& ranked = outcome.ranked_item_ids();
  std::vector<int> ranks;
  for (const std::string& id : outcome.relevant_item_ids()) {
    const auto found = std::find(ranked.begin(), ranked.end(), id);
    ranks.push_back(found == ranked.end()
                        ? 0
                        : static_cast<int>(found - ranked.begin()) + 1);
  }
  return static_cast<float>(policy::NdcgOfRanks(kRewardCut, ranks));
}

}  // namespace

absl::StatusOr<v1::LoggedFeedback> OutcomeOf(
    const v1::RecordFeedbackRequest& request) {
  v1::LoggedFeedback feedback;
  switch (request.outcome_case()) {
    case v1::RecordFeedbackRequest::kReward:
      // False for NaN too.
      if (!(request.reward() >= 0.0F && request.reward() <= 1.0F)) {
        return absl::InvalidArgumentError("reward: must be in [0, 1]");
      }
      feedback.set_reward(request.reward());
      return feedback;
    case v1::RecordFeedbackRequest::kRanking: {
      const v1::RankingOutcome& ranking = request.ranking();
      ATTUNE_RETURN_IF_ERROR(
          CheckIds("ranking.ranked_item_ids", 1, ranking.ranked_item_ids()));
      ATTUNE_RETURN_IF_ERROR(CheckIds("ranking.relevant_item_ids", 0,
                                      ranking.relevant_item_ids()));
      feedback.set_reward(RewardOf(ranking));
      *feedback.mutable_ranked_item_ids() = ranking.ranked_item_ids();
      *feedback.mutable_relevant_item_ids() = ranking.relevant_item_ids();
      return feedback;
    }
    default:
      return absl::InvalidArgumentError("outcome: required");
  }
}

absl::StatusOr<FeedbackRecord> FeedbackHandler::Check(
    const v1::RecordFeedbackRequest& request, DecisionClaims* claims) const {
  if (request.request_id().size() > kMaxRequestIdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("request_id: longer than ", kMaxRequestIdBytes, " bytes"));
  }
  FeedbackRecord record;
  ATTUNE_ASSIGN_OR_RETURN(record.feedback, OutcomeOf(request));
  ATTUNE_ASSIGN_OR_RETURN(
      *claims, options_.signer->VerifySignature(request.decision_token()));
  const absl::Time now = options_.clock();
  if (now >= claims->issue_time + options_.window) {
    return WithReason(absl::FailedPreconditionError(
                          "decision_token: older than the feedback window"),
                      "FEEDBACK_WINDOW_CLOSED");
  }
  record.decision_id = claims->decision_id;
  record.issue_time = claims->issue_time;
  record.user = claims->user;
  record.request_id = request.request_id();
  TimeToProto(now, record.feedback.mutable_record_time());
  return record;
}

void FeedbackHandler::RecordFeedback(const v1::RecordFeedbackRequest& request,
                                     Done done) const {
  DecisionClaims claims;
  auto record = Check(request, &claims);
  if (record.ok() && options_.log == nullptr) record = NoDecisionLog();
  if (!record.ok()) return done(record.status());
  const std::string id = HexOf(record->decision_id);
  options_.log->RecordFeedback(*std::move(record),
                               [this, id, claims = std::move(claims),
                                done = std::move(done)](auto result) {
                                 if (!result.ok()) return done(result.status());
                                 if (result->is_new && options_.on_recorded) {
                                   options_.on_recorded(claims, result->reward);
                                 }
                                 v1::RecordFeedbackResponse response;
                                 response.set_decision_id(id);
                                 response.set_reward(result->reward);
                                 response.set_duplicate(result->duplicate);
                                 done(std::move(response));
                               });
}

}  // namespace attune::server
