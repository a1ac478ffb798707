// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/llm_backend.h"

namespace attune::trainer {

absl::StatusOr<policy::Ranking> Decode(const policy::RenderedPrompt& prompt,
                                       const policy::Permutation& permutation,
                                       const LlmAnswer& answer) {
  if (prompt.readout == policy::Readout::kGenerate) {
    return policy::ParseGenerated(answer.text, prompt.displayed_titles,
                                  permutation);
  }
  return policy::RankByScore(answer.displayed_scores, permutation);
}

}  // namespace attune::trainer
