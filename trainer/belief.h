// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_BELIEF_H_
#define ATTUNE_TRAINER_BELIEF_H_

// The reward model as the learners use it: it takes rounds of samples and
// states as the encoder makes them, decides when to refit, and answers what is
// best for whom. Until there are many samples each refit looks at all anew:
// what states look like, and what of a task's covariates (how easy it was, the
// default prompt's reward) its state does not tell. Only that goes into the
// model: an effect of what the state tells belongs to the state, or the options
// would be drawn as if hard tasks were of average ease.
//
// Not thread-safe; owned by a learner. Same samples, same bits; so is a
// restored one.

#include <Eigen/Core>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "trainer/joint_choices.h"
#include "trainer/learner.h"
#include "trainer/linear_heads.h"
#include "trainer/reward_model.h"
#include "trainer/state_columns.h"

namespace attune::trainer {

struct BeliefOptions {
  RewardModelOptions model;
  // Refitted when the samples grew by this factor, with so many steps of
  // empirical Bayes.
  double growth = 1.2;
  int steps = 2;
  // The same once there are many samples.
  int late_steps = 1;
  int many = 640;
};

class Belief {
 public:
  // States begin with the user's embedding, of `item_dim` numbers.
  Belief(std::vector<int> options_per_pattern, int state_dim, int item_dim,
         BeliefOptions options);

  // One round.
  void Learn(absl::Span<const Sample> samples);

  // There was a round, so the model exists.
  bool started() const { return model_ != nullptr; }
  // REQUIRES: started().
  const RewardModel& model() const { return *model_; }
  Eigen::VectorXf Standardised(const Eigen::VectorXf& state) const;

  // Best choice by the posterior's mean; of one that is the same for all these
  // states. The first option of every pattern before the start.
  std::vector<int> Best(const Eigen::VectorXf& state) const;
  std::vector<int> BestFixed(absl::Span<const Eigen::VectorXf> states) const;
  // `count` different choices for each state, each the best by a draw of its
  // own; at random before the start.
  std::vector<std::vector<std::vector<int>>> Thompson(
      absl::Span<const Eigen::VectorXf> states, int count,
      policy::Rng& rng) const;
  Learner::Gain EstimateGain(absl::Span<const Eigen::VectorXf> states) const;

  // The mean's scores of options for heads that decide one pattern after the
  // other: pairs with later patterns count by how often the states seen so far
  // would choose each option. In units of the reward times `scale`; zeros
  // before the start.
  LinearScores Scores(float scale) const;

  // kInternal if the fit is not finite.
  absl::Status Health() const;

  std::string Save() const;
  // kDataLoss if these are not the bytes of a belief of this shape.
  absl::Status Load(const std::string& bytes);

 private:
  // A case before it is standardised. Covariates may be NaN: not known.
  struct RawCase {
    Eigen::VectorXf state;  // [state_dim]
    Eigen::Vector2f covariates;
    std::vector<std::vector<int>> choices;
    std::vector<float> rewards;
  };

  // That the model was fitted to.
  int64_t fitted_samples() const { return started() ? model_->samples() : 0; }
  void Refit(int steps);
  // Looks at states and covariates anew, by the first `count` cases, and makes
  // the model of these, with the scales that it had.
  void MakeModel(size_t count);
  // Adds cases to the model until it has `count`.
  void AddCases(size_t count);
  std::vector<int> RandomChoice(policy::Rng& rng) const;

  const std::vector<int> options_per_pattern_;
  const int state_dim_;
  const int item_dim_;
  const BeliefOptions options_;
  const JointChoices joint_;
  std::vector<RawCase> cases_;
  int64_t samples_ = 0;
  StateColumns columns_;
  std::vector<RidgeFit> covariate_fits_;
  size_t looked_at_ = 0;  // cases that columns_ and covariate_fits_ are of
  std::unique_ptr<RewardModel> model_;  // fitted, once it is made
  Eigen::MatrixXf pair_scores_;         // of the mean
};

// "model.noise", "model.task", "model.common.<pattern>" and
// "model.personal.<pattern>": deviations relative to the noise's. REQUIRES:
// started.
LearnerMetrics BeliefMetrics(const Belief& belief,
                             absl::Span<const std::string> patterns);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_BELIEF_H_
