// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_RUN_RECORD_H_
#define ATTUNE_TRAINER_RUN_RECORD_H_

// What a run writes into its directory while it goes: metrics.jsonl, one line a
// round, and the checkpoint, which says how much of that file belongs to it.
//
// Not thread-safe; owned by the training loop.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trainer/checkpoint.h"
#include "trainer/learner.h"
#include "trainer/trainer.h"

namespace attune::trainer {

class RunRecord {
 public:
  RunRecord(std::string directory, std::string fingerprint)
      : directory_(std::move(directory)),
        fingerprint_(std::move(fingerprint)) {}

  // Loads the checkpoint's learner state and cuts the metrics file back to it;
  // rounds after it are run again. Removes what an earlier run left if `resume`
  // is false or there is no checkpoint. kFailedPrecondition if it is another
  // run's.
  absl::StatusOr<Progress> Restore(bool resume, Learner& learner);

  // Appends the round's line.
  absl::Status Append(const RoundReport& report);

  // Replaces the checkpoint.
  absl::Status Save(const Progress& progress, const Learner& learner);

  // Rounds that the checkpoint holds; -1 if there is none.
  int saved_round() const { return saved_round_; }

 private:
  std::string MetricsPath() const;

  std::string directory_;
  std::string fingerprint_;
  int64_t metrics_bytes_ = 0;
  int saved_round_ = -1;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_RUN_RECORD_H_
