// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LEARNER_H_
#define ATTUNE_TRAINER_LEARNER_H_

// A learner improves the agents from samples of (state, choice, reward). It
// owns the libtorch networks and optimisers; rollouts run on policy::Actor with
// the exported weights, so training acts exactly as serving will.
//
// Not thread-safe; owned by the training loop. No libtorch type appears here.

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "policy/revision.h"

namespace attune::trainer {

// One user's one iteration.
struct Sample {
  Eigen::VectorXf state;       // UserState::features
  Eigen::VectorXf next_state;  // empty if the episode ended here
  std::vector<int> options;
  std::vector<float>
      probabilities;    // of the chosen options, when they were chosen
  float reward = 0.0F;  // in [0, 1]
  // The same with the rank's luck taken out (smoothed_reward.h), where the LLM
  // gave scores; NaN otherwise. To learn from; what is reported is the reward.
  float smoothed_reward = std::numeric_limits<float>::quiet_NaN();
  // How easy the task was whatever the prompt: Ease(), in [0, 1]. Known in
  // training only; a control variate, never part of the state.
  float ease = 0.0F;
  // Samples of one round with equal group are of one task: same user, same
  // candidates, same displayed order, same decoding seed (common random
  // numbers).
  int64_t group = 0;
  // Reward of the same task under the catalog's default prompt, if it was asked
  // (cached); NaN otherwise.
  float default_reward = std::numeric_limits<float>::quiet_NaN();
};

// What there is to learn from: the smoothed reward, or the reward.
inline float LearnedReward(const Sample& sample) {
  return std::isfinite(sample.smoothed_reward) ? sample.smoothed_reward
                                               : sample.reward;
}

// A joint choice to try, and the probability of each option when it was drawn
// (1 where nothing was random).
struct Proposal {
  std::vector<int> options;
  std::vector<float> probabilities;
};

// name -> value, for the metrics file: "policy_loss", "entropy.hint", ...
using LearnerMetrics = std::vector<std::pair<std::string, double>>;

class Learner {
 public:
  virtual ~Learner() = default;

  // One round's samples; every one is used. Deterministic given the
  // constructor's seed and the calls so far.
  virtual LearnerMetrics Update(absl::Span<const Sample> samples) = 0;

  // The agents' tensors: "option_projection", "head.<pattern>.*", "gru.*".
  virtual std::vector<policy::NamedTensor> ExportTensors() const = 0;

  // Everything that Update depends on: weights, optimiser, random state. The
  // restored learner continues bit by bit.
  virtual std::string SaveState() const = 0;
  virtual absl::Status LoadState(const std::string& state) = 0;

  virtual std::string name() const = 0;

  // Joint choices to try on tasks with these states, `count` for each. Empty
  // (the default): the loop samples from the exported policy. A pure function
  // of the learner's state, the arguments and the seed.
  virtual std::vector<std::vector<Proposal>> Propose(
      absl::Span<const Eigen::VectorXf> /*states*/, int /*count*/,
      uint64_t /*seed*/) const {
    return {};
  }

  // What the learner believes of its policy's gain over its best fixed prompt
  // on some tasks: mean and posterior standard deviation of the average gain,
  // and the deviation of each task's own gain.
  struct Gain {
    double mean = 0.0;
    double deviation = 0.0;
    Eigen::VectorXf state_deviation;
  };
  // On tasks with these states. nullopt: the learner keeps no posterior.
  virtual std::optional<Gain> EstimateGain(
      absl::Span<const Eigen::VectorXf> /*states*/) const {
    return std::nullopt;
  }

  // kOk, or why training must stop: kInternal for a loss that is not a number,
  // kFailedPrecondition for a policy that has collapsed (entropy below the
  // floor). The loop asks after each Update.
  virtual absl::Status Health() const { return absl::OkStatus(); }

  // True: all users of a round are shown their candidates in one order, with
  // the target at one place (only the published code wants that).
  virtual bool SharedPermutation() const { return false; }

  // Choices that it likes to see tried on one task, for
  // TrainOptions::choices_per_task = 0.
  virtual int ChoicesPerTask() const { return 1; }
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LEARNER_H_
