// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_CHECKPOINT_H_
#define ATTUNE_TRAINER_CHECKPOINT_H_

// What a training run leaves behind so that another process can go on: one
// file, replaced atomically.
//
// Layout: one line of JSON, then the learner's state.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "trainer/trainer.h"

namespace attune::trainer {

struct Checkpoint {
  std::string fingerprint;
  TrainTotals totals;
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
