// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/chat_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "policy/ranking.h"
#include "policy/status_macros.h"
#include "trainer/log_softmax.h"

namespace attune::trainer {
namespace {

using Json = nlohmann::json;

absl::Status Wrong(const char* what) {
  return absl::DataLossError(absl::StrCat("LLM endpoint's answer: ", what));
}

// The member, or null if `json` is no object or has none.
const Json& Member(const Json& json, const char* name) {
  static const Json& null = *new Json();
  if (!json.is_object()) return null;
  const auto it = json.find(name);
  return it == json.end() ? null : *it;
}

const Json& First(const Json& json) {
  static const Json& null = *new Json();
  return json.is_array() && !json.empty() ? json[0] : null;
}

absl::StatusOr<std::vector<float>> LabelScores(const Json& top, int labels) {
  constexpr double kAbsent = -std::numeric_limits<double>::infinity();
  std::vector<double> scores(labels, kAbsent);
  double lowest = 0.0;
  bool any = false;
  for (const Json& entry : top) {
    const Json& token = Member(entry, "token");
    const Json& logprob = Member(entry, "logprob");
    if (!token.is_string() || !logprob.is_number()) {
      return Wrong("top_logprobs: token must be a string, logprob a number");
    }
    const double value = logprob.get<double>();
    // Rounding can make a certain token's a little larger than 0.
    if (!std::isfinite(value) || value > 1e-3) {
      return Wrong("logprob: must be finite and at most 0");
    }
    lowest = std::min(lowest, value);
    const std::string& text = token.get_ref<const std::string&>();
    const absl::string_view label = absl::StripAsciiWhitespace(text);
    for (int i = 0; i < labels; ++i) {
      if (label != policy::Label(i)) continue;
      scores[i] = scores[i] == kAbsent ? value : LogAddExp(scores[i], value);
      any = true;
    }
  }
  if (!any) return Wrong("no label is among the most likely tokens");
  std::vector<float> out;
  for (const double score : scores) {
    out.push_back(static_cast<float>(score == kAbsent ? lowest - 1.0 : score));
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> ChatRequestJson(
    const policy::RenderedPrompt& prompt, const ChatSettings& settings,
    uint64_t seed) {
  if (prompt.readout == policy::Readout::kLikelihood) {
    return absl::UnimplementedError(
        "readout: likelihood needs the probabilities of given titles, which "
        "chat completions do not offer; use the backend llama, or the readout "
        "generate or labels");
  }
  Json messages = Json::array();
  for (const policy::Message& message : prompt.messages) {
    messages.push_back({{"role", message.role}, {"content", message.Text()}});
  }
  Json body = {{"model", settings.model}, {"messages", std::move(messages)}};
  if (prompt.readout == policy::Readout::kLabels) {
    body["max_tokens"] = 1;
    body["temperature"] = 0.0;
    body["logprobs"] = true;
    body["top_logprobs"] = kTopLogprobs;
  } else {
    body["max_tokens"] = settings.max_tokens;
    body["temperature"] = settings.temperature;
    // Signed in most servers' parsers.
    if (settings.temperature > 0.0) body["seed"] = seed & 0x7fffffffU;
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Usage> ParseUsage(std::string_view body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const Json& usage = Member(json, "usage");
  const Json& prompt = Member(usage, "prompt_tokens");
  const Json& answer = Member(usage, "completion_tokens");
  if (!prompt.is_number_unsigned() || !answer.is_number_unsigned()) {
    return std::nullopt;
  }
  constexpr uint64_t kMax = 1'000'000'000;
  Usage out;
  out.llm_calls = 1;
  out.prompt_tokens =
      static_cast<int64_t>(std::min(prompt.get<uint64_t>(), kMax));
  out.answer_tokens =
      static_cast<int64_t>(std::min(answer.get<uint64_t>(), kMax));
  return out;
}

absl::StatusOr<LlmAnswer> ParseChatAnswer(
    std::string_view body, const policy::RenderedPrompt& prompt) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Wrong("is not JSON in UTF-8");
  const Json& choice = First(Member(json, "choices"));
  if (!choice.is_object()) return Wrong("choices: is missing or empty");
  LlmAnswer answer;
  if (prompt.readout == policy::Readout::kGenerate) {
    const Json& content = Member(Member(choice, "message"), "content");
    if (!content.is_string()) {
      return Wrong("choices[0].message.content: is not a string");
    }
    answer.text = content.get<std::string>();
    if (absl::StripAsciiWhitespace(answer.text).empty()) {
      return Wrong("choices[0].message.content: is empty");
    }
    return answer;
  }
  const Json& top = Member(First(Member(Member(choice, "logprobs"), "content")),
                           "top_logprobs");
  if (!top.is_array() || top.empty()) {
    return Wrong(
        "choices[0].logprobs.content[0].top_logprobs: is missing or empty");
  }
  ATTUNE_ASSIGN_OR_RETURN(
      answer.displayed_scores,
      LabelScores(top, static_cast<int>(prompt.displayed_titles.size())));
  return answer;
}

}  // namespace attune::trainer
