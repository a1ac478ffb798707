// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_LLM_PROMPTS_H_
#define ATTUNE_TESTS_TRAINER_LLM_PROMPTS_H_

// Rendered prompts for the tests of LLM backends, made without a catalog.

#include <string>
#include <utility>
#include <vector>

#include "policy/renderer.h"

namespace attune::trainer {

inline policy::RenderedPrompt MakePrompt(policy::Readout readout,
                                         const std::string& user,
                                         std::vector<std::string> titles,
                                         const std::string& primer = "") {
  policy::RenderedPrompt prompt;
  prompt.readout = readout;
  prompt.messages.push_back(
      {"user", {{policy::SegmentKind::kInstruction, "instruction", user}}});
  if (!primer.empty()) {
    prompt.messages.push_back(
        {"assistant",
         {{policy::SegmentKind::kInstruction, "instruction", primer}}});
  }
  prompt.displayed_titles = std::move(titles);
  if (readout == policy::Readout::kLikelihood) {
    prompt.prior_prefix = "You should watch";
  }
  return prompt;
}

}  // namespace attune::trainer

#endif  // ATTUNE_TESTS_TRAINER_LLM_PROMPTS_H_
