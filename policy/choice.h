// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_CHOICE_H_
#define ATTUNE_POLICY_CHOICE_H_

// One option per pattern, and how probable each of the options was.

#include <vector>

namespace attune::policy {

struct PatternChoice {
  // Index of the option within its pattern. In [0, number of options).
  int option = 0;
  // Probability with which the agent chose it. In (0, 1]; 1 in mode kGreedy.
  float probability = 1.0F;
};

struct Choice {
  // One entry per pattern, in catalog order (which is the decision order).
  std::vector<PatternChoice> patterns;
  // Every option's probability as the agents had it, whatever the mode: the
  // patterns' one after another, in catalog order. Empty if no agent chose.
  std::vector<float> option_probabilities;
  // Items the history pattern asks for. Cumulative catalogs add to the previous
  // decision's length; absolute ones take the option's length.
  int history_length = 0;
  // False if the logits of an agent were not finite, so that it chose blindly.
  bool is_finite = true;
};

enum class DecisionMode { kSample, kGreedy };

// How a ranking is read from the LLM; see design words. Values equal v1::Readout.
enum class Readout { kGenerate = 1, kLabels = 2, kLikelihood = 3 };

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_CHOICE_H_
