// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/llm_rewriter.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "trainer/rewrite_lint.h"

namespace attune::trainer {
namespace {

using policy::PatternKind;

// Changes whenever the words below do.
constexpr char kInstructionVersion[] = "rewrite-1";

constexpr char kSystem[] =
    "You improve the wording of prompts. Answer with one sentence and nothing "
    "else: no introduction, no quotation marks, no list.";

constexpr const char* kAngles[] = {
    "Say more precisely what to look at.",
    "Say it in fewer words.",
    "Say it with other words and the same meaning.",
    "Put the order of importance into it.",
    "Address the mistakes that were made.",
    "Say it the way a friend would.",
};

const char* Part(PatternKind kind) {
  switch (kind) {
    case PatternKind::kHint:
      return "It passes on what people of a similar taste liked.";
    case PatternKind::kFormat:
      return "It comes before the order how to answer, which stays as it is: "
             "do not mention the form of the answer.";
    case PatternKind::kHistory:
    case PatternKind::kSentence:
      break;
  }
  return "It tells the assistant who it is or how to think.";
}

std::string Slot(const std::string& sentence) {
  for (const char* slot : {"{items}", "{genres}"}) {
    if (absl::StrContains(sentence, slot)) return slot;
  }
  return "";
}

std::string Task(const RewriteRequest& request, int variant) {
  std::string text = absl::StrCat(
      "An assistant is given what a person liked (", request.domain,
      ") and a list of candidates, and puts the candidates in the order in "
      "which the person will like them. One sentence of its prompt, the part "
      "called ",
      request.pattern, ", is:\n", request.sentence, "\n", Part(request.kind),
      "\n");
  for (const FailedCase& failure : request.failures) {
    absl::StrAppend(&text, "With it, the right candidate, shown at place ",
                    failure.shown_at, " of ", failure.candidates,
                    ", was ranked ", failure.ranked_at, ".\n");
  }
  absl::StrAppend(&text,
                  "Rewrite the sentence so that the right candidate is ranked "
                  "first. ",
                  kAngles[variant % std::size(kAngles)],
                  " Name no candidate. At most 30 words.");
  const std::string slot = Slot(request.sentence);
  if (!slot.empty()) {
    absl::StrAppend(&text, " Keep ", slot,
                    " exactly as it is; it stands for a list.");
  }
  return text;
}

policy::Message Say(const char* role, std::string text) {
  policy::Message message;
  message.role = role;
  message.segments.push_back({.text = std::move(text)});
  return message;
}

}  // namespace

policy::RenderedPrompt RewritePrompt(const RewriteRequest& request,
                                     int variant) {
  policy::RenderedPrompt prompt;
  prompt.readout = policy::Readout::kGenerate;
  prompt.messages.push_back(Say("system", kSystem));
  prompt.messages.push_back(Say("user", Task(request, variant)));
  return prompt;
}

LlmRewriter::LlmRewriter(LlmBackend& backend, std::string model)
    : backend_(backend), model_(std::move(model)) {}

std::string LlmRewriter::InstructionVersion() const {
  return kInstructionVersion;
}

absl::StatusOr<std::vector<std::string>> LlmRewriter::Rewrite(
    const RewriteRequest& request) {
  std::vector<policy::RenderedPrompt> prompts;
  for (int i = 0; i < request.count; ++i) {
    prompts.push_back(RewritePrompt(request, i));
  }
  std::vector<LlmRequest> calls;
  for (size_t i = 0; i < prompts.size(); ++i) {
    calls.push_back({.prompt = &prompts[i], .seed = request.seed + i});
  }
  std::vector<std::string> sentences;
  absl::Status fault = absl::InvalidArgumentError("no sentence was asked for");
  for (const absl::StatusOr<LlmAnswer>& answer : backend_.Answer(calls)) {
    if (answer.ok()) {
      sentences.push_back(TrimAnswer(answer->text));
    } else {
      fault = answer.status();
    }
  }
  if (sentences.empty()) return fault;
  return sentences;
}

}  // namespace attune::trainer
