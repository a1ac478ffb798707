// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_CHECKPOINT_H_
#define ATTUNE_TRAINER_CHECKPOINT_H_

// What a training run leaves behind so that another process can go on: one
// file, replaced atomically.
//
// It is taken when a round has been answered, before the learner updates with
// it: the samples not yet learned from are part of it, and what was planned
// since is not. Layout: one line of JSON, then the learner's state.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/learner.h"
#include "trainer/rollout.h"
#include "trainer/trainer.h"

namespace attune::trainer {

// How far a run is: all that choosing the next round depends on beside the
// learner and the options.
struct Progress {
  TrainTotals totals;
  TaskCursor cursor;
  DefaultRewards defaults;
  // Rounds that the learner has updated with: all, or all but the last.
  int learned_rounds = 0;
  // The last round's samples, if it was not learned from, and the rankings that
  // it asked for in vain.
  std::vector<Sample> pending;
  int64_t lost = 0;

  bool HasPending() const { return learned_rounds < totals.round; }
};

struct Checkpoint {
  std::string fingerprint;
  Progress progress;
  // Bytes of metrics.jsonl that belong to the rounds done.
  int64_t metrics_bytes = 0;
  std::string learner_state;
};

std::string CheckpointPath(const std::string& directory);

absl::Status SaveCheckpoint(const std::string& directory,
                            const Checkpoint& checkpoint);

// nullopt if the directory has none; kDataLoss if it cannot be understood.
absl::StatusOr<std::optional<Checkpoint>> LoadCheckpoint(
    const std::string& directory);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_CHECKPOINT_H_
