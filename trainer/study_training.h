// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_STUDY_TRAINING_H_
#define ATTUNE_TRAINER_STUDY_TRAINING_H_

// Trains a learner for a study: the training loop in a directory of its own, so
// that a study started again goes on where it was, and a finished training is
// not repeated.
//
// Not thread-safe.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "policy/revision.h"
#include "trainer/evaluation.h"
#include "trainer/train_setup.h"
#include "trainer/trainer.h"

namespace attune::trainer {

struct TrainedPolicy {
  std::shared_ptr<const policy::Revision> revision;
  int64_t llm_calls = 0;  // of the budget: cached ones included
  LearningCurve curve;
};

// Trains `learner` ("ppo", ...) with `seed` in `directory`, which is made if it
// is not there. Of `options` the budget, the batches and the episode length
// count. Errors of MakeLearner() and Train(): kFailedPrecondition if the
// directory holds a training of other settings.
absl::StatusOr<TrainedPolicy> TrainForStudy(TrainSetup& setup,
                                            const std::string& learner,
                                            uint64_t seed,
                                            const std::string& directory,
                                            TrainOptions options);

// The rounds in a run's metrics file; empty if there is none.
std::vector<CurvePoint> ReadCurve(const std::string& directory);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_STUDY_TRAINING_H_
