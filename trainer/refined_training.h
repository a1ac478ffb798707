// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REFINED_TRAINING_H_
#define ATTUNE_TRAINER_REFINED_TRAINING_H_

// RPP+ from the first ranking to the last on one budget: train, refine the
// pattern with the worst advantage, train on with the larger catalog, and so
// on.
//
// How a learner carries over: options keep their indices when a catalog grows,
// so every sample stays valid. A new learner for the larger catalog sees all
// rounds again, the trials of the refinements included: nothing that was paid
// for is lost, and it works for every learner.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/refine.h"
#include "trainer/rewriter.h"
#include "trainer/train_setup.h"
#include "trainer/trainer.h"

namespace attune::trainer {

struct RefinementReport {
  // What was refined, for whom, and how good it was.
  std::string pattern;
  std::string option;
  std::string sentence;
  std::string revision;
  double advantage = 0.0;
  Refinement refinement;
};

struct RefinedTrainingOptions {
  // `budget` is the whole run's, refinements included; `resume` and
  // `on_samples` are not used.
  TrainOptions train;
  // Refinements. >= 0.
  int refinements = 3;
  // Share of the budget before the first refinement, and of each refinement.
  // What is left is spread over the training after each refinement.
  double first_share = 0.3;
  double refine_share = 0.1;
  // `calls` and `seed` are set for each refinement.
  RefineOptions refine;
  // Called after each refinement, if set.
  std::function<void(const RefinementReport&)> on_refinement;
};

struct RefinedTrainingResult {
  std::string revision;  // the artifact
  int64_t rankings = 0;  // all, dropped ones included
  std::vector<RefinementReport> refinements;
};

// The setup has the last catalog afterwards. kInvalidArgument if a share is out
// of range or a refinement gets no call; errors of Train and Refine.
absl::StatusOr<RefinedTrainingResult> TrainRefined(
    TrainSetup& setup, Rewriter& rewriter,
    const RefinedTrainingOptions& options);

// Pure: rankings of each training, one more than there are refinements, and of
// a refinement. They sum to the budget.
struct BudgetPlan {
  std::vector<int64_t> trainings;
  int64_t refinement = 0;
};
BudgetPlan PlanBudget(const RefinedTrainingOptions& options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REFINED_TRAINING_H_
