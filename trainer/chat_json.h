// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_CHAT_JSON_H_
#define ATTUNE_TRAINER_CHAT_JSON_H_

// Bodies of OpenAI-compatible /v1/chat/completions calls. Pure functions; safe
// from any thread. An answer that is not exactly what was asked for is an
// error, never half an answer.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "policy/renderer.h"
#include "trainer/llm_backend.h"

namespace attune::trainer {

// Log-probabilities asked for with the readout `labels`; what OpenAI allows.
inline constexpr int kTopLogprobs = 20;

struct ChatSettings {
  std::string model;
  int max_tokens = 256;      // kGenerate
  double temperature = 0.0;  // kGenerate
};

// The request's JSON. The seed is sent if the temperature is above 0.
// kUnimplemented for the readout `likelihood`.
absl::StatusOr<std::string> ChatRequestJson(
    const policy::RenderedPrompt& prompt, const ChatSettings& settings,
    uint64_t seed);

// Tokens that a 200's body says it cost; nullopt if it says nothing.
std::optional<Usage> ParseUsage(std::string_view body);

// The answer in the body of a 200, without its usage.
//
// kGenerate: the text, which is not empty. kLabels: the log-probability of each
// label, with and without blanks around it added up; a label that is not among
// the kTopLogprobs tokens gets the smallest log-probability that is, minus 1.
// kDataLoss names the field that is missing or wrong, also if no label is among
// the tokens at all.
absl::StatusOr<LlmAnswer> ParseChatAnswer(std::string_view body,
                                          const policy::RenderedPrompt& prompt);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_CHAT_JSON_H_
