// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/reward_cross_fit.h"

#include <utility>

namespace attune::trainer {
namespace {

// Steps of empirical Bayes of the one fit to the whole log; the scales move by
// less than a few hundredths after these.
constexpr int kSteps = 6;

}  // namespace

BeliefShape ShapeOf(const policy::Policy& policy) {
  return {.options_per_pattern = policy.catalog().OptionCounts(),
          .state_dim = policy.encoder().StateDim(),
          .item_dim = policy.encoder().settings().embedding_dim};
}

std::unique_ptr<Belief> FitBelief(
    const BeliefShape& shape, absl::Span<const LoggedSample* const> samples) {
  std::vector<Sample> learned;
  learned.reserve(samples.size());
  for (const LoggedSample* sample : samples) {
    learned.push_back({.state = sample->state,
                       .options = sample->options,
                       .probabilities = sample->propensities,
                       .reward = sample->reward,
                       .group = static_cast<int64_t>(learned.size())});
  }
  auto belief = std::make_unique<Belief>(
      shape.options_per_pattern, shape.state_dim, shape.item_dim,
      BeliefOptions{.steps = kSteps, .late_steps = kSteps});
  belief->Learn(learned);
  return belief;
}

double PredictReward(const Belief& belief, const Eigen::VectorXf& state,
                     absl::Span<const int> options) {
  return belief.model().Value(belief.Standardised(state), options);
}

double ExpectReward(const Belief& belief, const Eigen::VectorXf& state,
                    absl::Span<const DrawnChoice> drawn) {
  const RewardWeights& mean = belief.model().mean();
  const absl::Span<const int> offsets = belief.model().offsets();
  const Eigen::VectorXf x = belief.Standardised(state);
  const Eigen::VectorXf scores = mean.Scores(x);
  double sum = 0.0;
  for (const DrawnChoice& one : drawn) {
    for (size_t k = 0; k < one.options.size(); ++k) {
      const Eigen::VectorXf& p = one.probabilities[k];
      Eigen::VectorXf worth = scores.segment(offsets[k], p.size());
      for (size_t j = 0; j < k; ++j) {
        worth += mean.pair.col(offsets[j] + one.options[j])
                     .segment(offsets[k], p.size());
      }
      sum += p.dot(worth);
    }
  }
  return mean.mean + mean.user.dot(x) + sum / static_cast<double>(drawn.size());
}

RewardCrossFit::RewardCrossFit(const BeliefShape& shape,
                               absl::Span<const LoggedSample> samples,
                               int folds) {
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<const LoggedSample*> others;
    for (const LoggedSample& sample : samples) {
      if (sample.user % folds != fold) others.push_back(&sample);
    }
    beliefs_.push_back(FitBelief(shape, others));
  }
}

}  // namespace attune::trainer
