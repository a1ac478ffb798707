// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_PATTERN_ADVANTAGE_H_
#define ATTUNE_TRAINER_PATTERN_ADVANTAGE_H_

// Which pattern's sentences help least, from a run's samples alone, so that it
// works with every learner: rewards are fitted by ridge regression on the
// options' main effects and the tasks' ease; a pattern's advantage is how much
// better its greedily chosen options are than its average one.
//
// Pure functions; safe to call from any thread.

#include <vector>

#include "absl/types/span.h"
#include "policy/policy.h"
#include "trainer/learner.h"

namespace attune::trainer {

// effects[k][a]: by how much option a of pattern k raises the mean reward, 0 on
// average over a pattern's samples. An option of few samples is shrunk towards 0
// as if it had `prior` further samples without effect.
std::vector<std::vector<double>> MainEffects(const policy::Catalog& catalog,
                                             absl::Span<const Sample> samples,
                                             double prior = 8.0);

struct PatternAdvantage {
  int pattern = 0;
  // Mean over the samples' states of the greedy option's effect, minus the mean
  // effect of the pattern's options.
  double advantage = 0.0;
  // The option to rewrite: the one with a sentence that is greedily chosen most
  // often, or else has the largest effect. -1 if none has one.
  int parent = -1;
};

// Every pattern but the history's that has a sentence, worst first.
std::vector<PatternAdvantage> PatternAdvantages(
    const policy::Policy& policy, absl::Span<const Sample> samples);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_PATTERN_ADVANTAGE_H_
