// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_CHOICE_DISTRIBUTION_H_
#define ATTUNE_TRAINER_CHOICE_DISTRIBUTION_H_

// How likely a policy is to take the choices of a log. A joint choice has the
// product of its options' probabilities, each given the options before it.
//
// What needs all choices (a pattern's marginal, an expectation) is averaged over
// a few choices drawn from the policy, with each pattern's own probabilities in
// full (Rao-Blackwell): exact for heads that do not see each other, unbiased for
// autoregressive ones, and the estimators are linear in it.
//
// Pure functions; safe to call from any thread.

#include <Eigen/Core>
#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "policy/actor.h"
#include "policy/choice.h"
#include "policy/random.h"
#include "trainer/logged_samples.h"

namespace attune::trainer {

// [n_k] Probability of each option of pattern k, given the state and the options
// of the patterns before.
using ChoiceDistribution = std::function<Eigen::VectorXf(
    int pattern, const Eigen::VectorXf& state, absl::Span<const int> earlier)>;

// How a server draws in this mode: in kGreedy the most probable option has
// probability 1. The actor must outlive the distribution.
ChoiceDistribution DistributionOf(const policy::Actor& actor,
                                  policy::DecisionMode mode);

// A choice drawn from a policy, and the probabilities it was drawn with.
struct DrawnChoice {
  std::vector<int> options;
  std::vector<Eigen::VectorXf> probabilities;
};

std::vector<DrawnChoice> DrawChoices(const ChoiceDistribution& distribution,
                                     const Eigen::VectorXf& state, int patterns,
                                     int count, policy::Rng& rng);

// One logged choice under the target.
struct ChoiceWeights {
  // prod_k pi_k(a_k | a_<k) / mu_k(a_k | a_<k)
  double joint = 1.0;
  // 1 + sum_k (marginal pi_k(a_k) / mu_k(a_k) - 1)
  double slate = 1.0;
  // Unbiased for the probability that the target leaves what the logging policy
  // can take: sum_k (joint weight up to k) * (pi_k on options with mu_k = 0).
  double unsupported = 0.0;
};

// `drawn` are choices of the target in the sample's state, at least one.
ChoiceWeights WeighChoice(const ChoiceDistribution& target,
                          const LoggedSample& sample,
                          absl::Span<const DrawnChoice> drawn);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_CHOICE_DISTRIBUTION_H_
