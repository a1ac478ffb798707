// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_BELIEF_H_
#define ATTUNE_TRAINER_BELIEF_H_

// The reward model as the learners use it: it takes rounds of samples and
// states as the encoder makes them, decides when to refit, and answers what is
// best for whom.
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

  // One round. The first one also says what states look like: how they are
  // standardised and which of their columns vary.
  void Learn(absl::Span<const Sample> samples);

  // Column means and deviations have been learned, so the model exists.
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
  // would choose each option. In units of the reward times `scale`; zeros before
  // the start.
  LinearScores Scores(float scale) const;

  // kInternal if the fit is not finite.
  absl::Status Health() const;

  std::string Save() const;
  // kDataLoss if these are not the bytes of a belief of this shape.
  absl::Status Load(const std::string& bytes);

 private:
  void Start(absl::Span<const Sample> samples);
  void MakeModel();
  std::vector<int> RandomChoice(policy::Rng& rng) const;
  Case MakeCase(absl::Span<const Sample> samples) const;

  const std::vector<int> options_per_pattern_;
  const int state_dim_;
  const int item_dim_;
  const BeliefOptions options_;
  const JointChoices joint_;
  std::vector<int> columns_;  // of the state that vary
  Eigen::VectorXf center_;    // [state_dim]
  Eigen::VectorXf deviation_;
  std::unique_ptr<RewardModel> model_;
  int64_t fitted_cases_ = 0;
  int64_t fitted_samples_ = 0;
  // Running means of the covariates, with their counts.
  Eigen::Vector2f covariate_mean_ = Eigen::Vector2f::Zero();
  Eigen::Vector2f covariate_count_ = Eigen::Vector2f::Zero();
  Eigen::MatrixXf pair_scores_;  // of the mean
};

// "model.noise", "model.task", "model.common.<pattern>" and
// "model.personal.<pattern>": deviations relative to the noise's. REQUIRES:
// started.
LearnerMetrics BeliefMetrics(const Belief& belief,
                             absl::Span<const std::string> patterns);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_BELIEF_H_
