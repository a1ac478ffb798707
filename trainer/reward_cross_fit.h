// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REWARD_CROSS_FIT_H_
#define ATTUNE_TRAINER_REWARD_CROSS_FIT_H_

// The reward model of a log (belief.h), fitted once a fold on the users of all
// other folds, so that no prediction has seen the user that it is of: without
// that a model's errors are correlated with the rewards, and intervals are too
// narrow.
//
// Source: Chernozhukov et al. 2018, Double/debiased machine learning,
// section 3 (cross-fitting).
//
// Immutable once made; const methods may run concurrently.

#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "trainer/belief.h"
#include "trainer/choice_distribution.h"
#include "trainer/logged_samples.h"

namespace attune::trainer {

// The shape of states and choices.
struct BeliefShape {
  std::vector<int> options_per_pattern;
  int state_dim = 0;
  int item_dim = 0;
};

BeliefShape ShapeOf(const policy::Policy& policy);

// Fitted to these samples of a log, each a task of its own.
std::unique_ptr<Belief> FitBelief(
    const BeliefShape& shape, absl::Span<const LoggedSample* const> samples);

// Mean reward of a choice, and of a policy that drew `drawn` in this state.
// REQUIRES: a belief that was fitted to at least one sample.
double PredictReward(const Belief& belief, const Eigen::VectorXf& state,
                     absl::Span<const int> options);
double ExpectReward(const Belief& belief, const Eigen::VectorXf& state,
                    absl::Span<const DrawnChoice> drawn);

class RewardCrossFit {
 public:
  // User u is in fold u mod `folds`. REQUIRES: samples of at least two folds.
  RewardCrossFit(const BeliefShape& shape,
                 absl::Span<const LoggedSample> samples, int folds);

  // Fitted to all folds but the sample's.
  const Belief& For(const LoggedSample& sample) const {
    return *beliefs_[sample.user % static_cast<int>(beliefs_.size())];
  }

 private:
  std::vector<std::unique_ptr<Belief>> beliefs_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REWARD_CROSS_FIT_H_
