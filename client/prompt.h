// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_PROMPT_H_
#define ATTUNE_CLIENT_PROMPT_H_

// A prompt as a caller uses it: send its messages to an LLM, read the ranking
// from the answer. Plain values and pure functions, no connection.
//
// Safe to call from any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "attune/v1/prompt_service.pb.h"
#include "policy/choice.h"
#include "policy/item.h"
#include "policy/ranking.h"

namespace attune::client {

struct PromptMessage {
  // "system", "user" or "assistant".
  std::string role;
  std::string text;
};

// What one agent chose for its pattern.
struct ChosenOption {
  std::string pattern;
  std::string option_id;
  // Probability with which it was chosen. In (0, 1].
  float probability = 1.0F;
};

// How the LLM is to answer. The lists are parallel, in displayed order.
struct AnswerContract {
  policy::Readout readout = policy::Readout::kGenerate;
  std::vector<std::string> labels;
  std::vector<std::string> displayed_item_ids;
  std::vector<std::string> displayed_titles;
  // Neutral text whose continuation is the prior. Empty unless kLikelihood.
  std::string prior_prefix;
};

struct Prompt {
  // Empty for previews and fallbacks, as the token.
  std::string decision_id;
  // Opaque. Proves the decision in a later request.
  std::string decision_token;
  // Id of the revision that answered. Empty for fallbacks.
  std::string revision;
  std::vector<PromptMessage> messages;
  // In catalog order.
  std::vector<ChosenOption> choice;
  // Number of history items that the prompt shows.
  int history_length = 0;
  AnswerContract answer;
  // When the token stops being accepted, if there is one.
  std::optional<absl::Time> expire_time;
  // The server's span of this answer, if it records one: the parent of what is
  // done with the prompt, as a `traceparent`. Empty otherwise.
  std::string traceparent;
  // True if the server could not be asked and this is the caller's own prompt.
  bool is_fallback = false;
  // Why it could not be asked; OK unless is_fallback.
  absl::Status fallback_reason;
};

// All candidates, best first, and how well the answer could be read.
struct RankedItems {
  std::vector<std::string> item_ids;
  policy::ParseStatus status = policy::ParseStatus::kComplete;
};

// Reads the LLM's text answer to a `generate` prompt. Missing candidates follow
// in displayed order and the status says so. kInvalidArgument if the prompt's
// answer contract is empty or its lists differ in length.
absl::StatusOr<RankedItems> ParseRanking(const Prompt& prompt,
                                         std::string_view answer);

// Ranks by one score per displayed candidate, larger is better: for `labels`
// and `likelihood`. kInvalidArgument as ParseRanking, if the number of scores
// is another, or if one is NaN.
absl::StatusOr<RankedItems> RankByScores(
    const Prompt& prompt, absl::Span<const float> displayed_scores);

// The messages as the JSON array that chat completion APIs take:
// [{"role":"system","content":"..."}, ...].
std::string ToChatMessagesJson(const Prompt& prompt);

// A request with these items, everything else left to the server.
v1::GetPromptRequest MakeRequest(absl::Span<const policy::Item> history,
                                 absl::Span<const policy::Item> candidates);

// `request` as the next iteration after `prompt` led to `ranked`. REQUIRES: the
// same candidates; a prompt that is no fallback.
v1::GetPromptRequest Refine(v1::GetPromptRequest request, const Prompt& prompt,
                            const RankedItems& ranked);

// `request` in mode APPRENTICE: the server answers with this choice, which is the
// caller's own prompt in the words of the catalog, and its agents watch. Only
// `pattern` and `option_id` are read; patterns without one take their default.
v1::GetPromptRequest AsApprentice(v1::GetPromptRequest request,
                                  absl::Span<const ChosenOption> own_choice);

// What came of a prompt, for PromptClient::RecordFeedback: its reward, or the
// ranking that the user saw and the items that turned out relevant. REQUIRES: a
// prompt that is neither a preview nor a fallback.
v1::RecordFeedbackRequest MakeFeedback(const Prompt& prompt, float reward);
v1::RecordFeedbackRequest MakeFeedback(
    const Prompt& prompt, const RankedItems& ranked,
    absl::Span<const std::string> relevant_item_ids);

// A plain `generate` prompt made without a server: a caller's fallback. Shows
// the newest ten history items and the candidates in the caller's order.
// kInvalidArgument if the history is empty or the number of candidates is not
// in [2, 26].
absl::StatusOr<Prompt> PlainPrompt(const v1::GetPromptRequest& request);

// From the wire. kInternal if the answer contract's lists differ in length.
absl::StatusOr<Prompt> FromProto(const v1::GetPromptResponse& response);
absl::StatusOr<Prompt> FromProto(const v1::PreviewPromptResponse& response);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_PROMPT_H_
