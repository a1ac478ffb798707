// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/prompt.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/item_proto.h"
#include "policy/sanitizer.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

using policy::Permutation;

constexpr int kPlainHistory = 10;

// Number of displayed candidates, if the contract is sound.
absl::StatusOr<int> DisplayedCount(const AnswerContract& answer) {
  const size_t count = answer.displayed_item_ids.size();
  if (count == 0 || count > policy::kMaxCandidates) {
    return absl::InvalidArgumentError(
        absl::StrCat("prompt.answer.displayed_item_ids: must have 1 to ",
                     policy::kMaxCandidates, " entries"));
  }
  if (answer.displayed_titles.size() != count) {
    return absl::InvalidArgumentError(
        "prompt.answer.displayed_titles: must be as many as the item ids");
  }
  return static_cast<int>(count);
}

// The ids of displayed positions in ranked order.
RankedItems ToItems(const AnswerContract& answer,
                    const policy::Ranking& ranking) {
  RankedItems ranked{.item_ids = {}, .status = ranking.status};
  for (const int position : ranking.candidates) {
    ranked.item_ids.push_back(answer.displayed_item_ids[position]);
  }
  return ranked;
}

absl::Status CheckPlain(const v1::GetPromptRequest& request) {
  if (request.history().empty()) {
    return absl::InvalidArgumentError("history: must have at least 1 item");
  }
  if (request.candidates_size() < policy::kMinCandidates ||
      request.candidates_size() > policy::kMaxCandidates) {
    return absl::InvalidArgumentError(
        absl::StrCat("candidates: must have ", policy::kMinCandidates, " to ",
                     policy::kMaxCandidates, " items"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RankedItems> ParseRanking(const Prompt& prompt,
                                         std::string_view answer) {
  ATTUNE_ASSIGN_OR_RETURN(const int count, DisplayedCount(prompt.answer));
  return ToItems(prompt.answer,
                 policy::ParseGenerated(answer, prompt.answer.displayed_titles,
                                        Permutation::Identity(count)));
}

absl::StatusOr<RankedItems> RankByScores(
    const Prompt& prompt, absl::Span<const float> displayed_scores) {
  ATTUNE_ASSIGN_OR_RETURN(const int count, DisplayedCount(prompt.answer));
  ATTUNE_ASSIGN_OR_RETURN(
      const policy::Ranking ranking,
      policy::RankByScore(displayed_scores, Permutation::Identity(count)));
  return ToItems(prompt.answer, ranking);
}

std::string ToChatMessagesJson(const Prompt& prompt) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  for (const PromptMessage& message : prompt.messages) {
    messages.push_back({{"role", message.role}, {"content", message.text}});
  }
  return messages.dump(-1, ' ', false,
                       nlohmann::ordered_json::error_handler_t::replace);
}

v1::GetPromptRequest MakeRequest(absl::Span<const policy::Item> history,
                                 absl::Span<const policy::Item> candidates) {
  v1::GetPromptRequest request;
  policy::ItemsToProto(history, request.mutable_history());
  policy::ItemsToProto(candidates, request.mutable_candidates());
  return request;
}

v1::GetPromptRequest Refine(v1::GetPromptRequest request, const Prompt& prompt,
                            const RankedItems& ranked) {
  v1::PreviousDecision& previous = *request.mutable_previous();
  previous.set_decision_token(prompt.decision_token);
  previous.clear_ranked_item_ids();
  for (const auto& id : ranked.item_ids) previous.add_ranked_item_ids(id);
  return request;
}

v1::GetPromptRequest AsApprentice(v1::GetPromptRequest request,
                                  absl::Span<const ChosenOption> own_choice) {
  request.set_mode(v1::DECISION_MODE_APPRENTICE);
  request.clear_own_choice();
  for (const ChosenOption& chosen : own_choice) {
    v1::PatternChoice& choice = *request.add_own_choice();
    choice.set_pattern(chosen.pattern);
    choice.set_option_id(chosen.option_id);
  }
  return request;
}

v1::RecordFeedbackRequest MakeFeedback(const Prompt& prompt, float reward) {
  v1::RecordFeedbackRequest request;
  request.set_decision_token(prompt.decision_token);
  request.set_reward(reward);
  return request;
}

v1::RecordFeedbackRequest MakeFeedback(
    const Prompt& prompt, const RankedItems& ranked,
    absl::Span<const std::string> relevant_item_ids) {
  v1::RecordFeedbackRequest request;
  request.set_decision_token(prompt.decision_token);
  v1::RankingOutcome& ranking = *request.mutable_ranking();
  for (const std::string& id : ranked.item_ids) {
    ranking.add_ranked_item_ids(id);
  }
  for (const std::string& id : relevant_item_ids) {
    ranking.add_relevant_item_ids(id);
  }
  return request;
}

absl::StatusOr<Prompt> PlainPrompt(const v1::GetPromptRequest& request) {
  ATTUNE_RETURN_IF_ERROR(CheckPlain(request));
  Prompt prompt;
  std::string text = "I enjoyed these, oldest first:\n";
  prompt.history_length = std::min(request.history_size(), kPlainHistory);
  for (int i = request.history_size() - prompt.history_length;
       i < request.history_size(); ++i) {
    absl::StrAppend(&text, "- ",
                    policy::SanitizeTitle(request.history(i).title()), "\n");
  }
  absl::StrAppend(&text, "\nRank these by how much I would enjoy them:\n");
  for (int i = 0; i < request.candidates_size(); ++i) {
    AnswerContract& answer = prompt.answer;
    answer.labels.push_back(policy::Label(i));
    answer.displayed_item_ids.push_back(request.candidates(i).item_id());
    answer.displayed_titles.push_back(
        policy::SanitizeTitle(request.candidates(i).title()));
    absl::StrAppend(&text, answer.labels.back(), ". ",
                    answer.displayed_titles.back(), "\n");
  }
  absl::StrAppend(&text,
                  "\nAnswer with all the letters, best first, separated by "
                  "commas, and nothing else.");
  prompt.messages.push_back({.role = "user", .text = std::move(text)});
  return prompt;
}

}  // namespace attune::client
