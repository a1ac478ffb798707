// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_BENCH_LEARNING_RUN_H_
#define ATTUNE_BENCH_LEARNING_RUN_H_

// One learner in one simulated world: learns on train users, is measured on
// users that it never saw, exactly and as a real user would, by noisy answers.
//
// A run is a function of its arguments. Thread-compatible.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/revision.h"
#include "trainer/export.h"
#include "trainer/learner.h"
#include "trainer/sim_score.h"
#include "trainer/sim_world.h"
#include "trainer/statistics.h"

namespace attune::bench {

// A simulated world with everything that a learner and an encoder need.
struct LearningWorld {
  std::unique_ptr<trainer::SimWorld> sim;
  trainer::ItemFeatures items;
  trainer::ExportSettings settings;
  std::shared_ptr<const policy::Revision> uniform;
  // Of the users that are not for training.
  std::vector<int> held_out;
  trainer::SimBounds bounds;
};

// `setting`: easy, paper or adversarial.
absl::StatusOr<std::unique_ptr<LearningWorld>> MakeLearningWorld(
    const std::string& setting, uint64_t seed);

// A prompt for each held-out user.
using Choices = std::vector<std::vector<int>>;

struct Measurement {
  int64_t llm_calls = 0;
  double optimality = 0.0;  // 0 uniform, 1 every user's best
  // By one noisy answer a prompt and user: the policy minus the best fixed prompt,
  // and what is lost when users get each other's prompts. Intervals by
  // Bonferroni's correction: 95 % for all budgets of a run together.
  trainer::Interval over_fixed;
  trainer::Interval shuffle_drop;
  bool ClaimsGain() const {
    return over_fixed.low > 0.0 && shuffle_drop.low > 0.0;
  }
  Choices choices;
};

struct LearningOptions {
  std::string learner;
  // Calls after which the policy is measured, ascending.
  std::vector<int64_t> budgets;
  int batch_size = 32;  // calls a round
  int group = 0;        // choices a task; 0: as many as the learner likes
  uint64_t seed = 1;
};

struct LearningResult {
  std::vector<Measurement> points;
  int64_t samples = 0;
  // CPU time of Propose, Update and ExportTensors, and the longest Update's.
  double learner_seconds = 0.0;
  double longest_update = 0.0;
};

absl::StatusOr<LearningResult> RunLearning(const LearningWorld& world,
                                           const LearningOptions& options);

// The best fixed prompt by sequential halving on train users' tasks.
absl::StatusOr<std::vector<int>> FindBestFixed(const LearningWorld& world,
                                               int64_t budget, uint64_t seed);

// Exact value of prompts for the held-out users, normalised.
double Optimality(const LearningWorld& world, const Choices& choices);
// Fills the noisy measurements, one of `looks` of the run.
void Compare(const LearningWorld& world, const std::vector<int>& fixed,
             uint64_t seed, size_t looks, Measurement& measurement);

}  // namespace attune::bench

#endif  // ATTUNE_BENCH_LEARNING_RUN_H_
