// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_LLM_PROMPTS_H_
#define ATTUNE_TESTS_TRAINER_LLM_PROMPTS_H_

// Rendered prompts for the tests of LLM backends, made without a catalog.

#include <string>
#include <utility>
#include <vector>

#include "policy/random.h"
#include "policy/ranking.h"
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

// `count` likelihood prompts over the same ten films: every displayed
// order is another one. Prompts 2k and 2k + 1 begin alike for over 32 tokens.
inline std::vector<policy::RenderedPrompt> FilmPrompts(int count) {
  const std::vector<std::string> films = {
      "Heat",         "Toy Story", "The Godfather",
      "Fargo",        "Star Wars", "Pulp Fiction",
      "Casablanca",   "Vertigo",   "Some Like It Hot",
      "Groundhog Day"};
  const std::vector<std::string> seen = {"Alien",  "Blade Runner", "The Sting",
                                         "Psycho", "Jaws",         "Amadeus"};
  std::vector<policy::RenderedPrompt> prompts;
  for (int i = 0; i < count; ++i) {
    policy::Rng rng(static_cast<uint64_t>(i));
    const auto order = policy::Permutation::Random(10, rng);
    std::vector<std::string> titles;
    std::string list;
    for (int k = 0; k < 10; ++k) {
      titles.push_back(films[order.CandidateAt(k)]);
      list += policy::Label(k) + ". " + titles.back() + "\n";
    }
    std::string history = seen[i / 2 % 6];
    for (int k = 1; k < 6; ++k) history += ", " + seen[(i / 2 + k) % 6];
    prompts.push_back(MakePrompt(
        policy::Readout::kLikelihood,
        "I recently watched: " + history + ".\nCandidates:\n" + list +
            "Answer with the letters of all candidates, best first, one a "
            "line.",
        titles, "The best movie for you to watch next is"));
  }
  return prompts;
}

// Where scripts/setup.sh puts the small LLM.
inline std::string ModelPath() {
  return std::string(ATTUNE_CACHE_DIR) +
         "/models/SmolLM2-135M-Instruct.Q4_1.gguf";
}

}  // namespace attune::trainer

#endif  // ATTUNE_TESTS_TRAINER_LLM_PROMPTS_H_
