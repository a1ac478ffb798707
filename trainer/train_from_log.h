// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_TRAIN_FROM_LOG_H_
#define ATTUNE_TRAINER_TRAIN_FROM_LOG_H_

// `attune_trainer train --from-log`: files in, a revision out (from_log.h says
// how it learns from rewards, imitation.h how from the caller's own choices).

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/choice.h"
#include "trainer/from_log.h"
#include "trainer/imitation.h"
#include "trainer/logged_samples.h"

namespace attune::trainer {

struct TrainFromLogRun {
  std::vector<std::string> logs;
  // File of the revision to continue. Empty: the uniform revision that serves
  // `catalog` (a file) before any was pushed.
  std::string parent;
  std::string catalog;
  policy::Readout readout = policy::Readout::kLikelihood;
  // The child's. If negative the parent's, or 0.05 after a uniform one; 0.1 of
  // one that imitates.
  double exploration_floor = -1.0;
  uint64_t seed = 1;
  int64_t created_seconds = 0;
};

struct TrainedFromLog {
  std::string revision;  // the artifact's bytes
  std::string parent;    // id
  LoggedSamples log;
  LearnedFromLog learned;
};

// Writes nothing. Errors of ReadLoggedSamples and LearnFromLog;
// kFailedPrecondition if the parent took none of the decisions.
absl::StatusOr<TrainedFromLog> TrainFromLog(const TrainFromLogRun& run);

struct TrainedByImitation {
  std::string revision;  // the artifact's bytes
  std::string parent;    // id
  LoggedSamples log;     // its apprentice decisions
  Imitation learned;
};

// The same by imitation of the caller. Errors of ReadLoggedSamples and Imitate;
// kFailedPrecondition if the parent watched none of the decisions.
absl::StatusOr<TrainedByImitation> TrainByImitation(const TrainFromLogRun& run);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_TRAIN_FROM_LOG_H_
