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
#include <memory>
#include <string>
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
  // How easy the task was whatever the prompt: Ease(), in [0, 1]. Known in
  // training only; a control variate, never part of the state.
  float ease = 0.0F;
  // Samples of one round with equal group are of one task: same user, same
  // candidates, same displayed order, same decoding seed (common random
  // numbers).
  int64_t group = 0;
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
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LEARNER_H_
