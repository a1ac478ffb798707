// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_COLLECTED_LOG_H_
#define ATTUNE_TRAINER_COLLECTED_LOG_H_

// The decisions and feedback of several servers, joined into one file that
// `train --from-log` and `ope` read.
//
// A decision and its feedback come apart, in any order, and more than once
// (server/deliverer.h): each counts once, by the decision's id, and of several
// feedbacks the one that was recorded first. Feedback whose decision has not come
// waits in FILE.waiting.
//
// Life cycle: Load(), Add() any number of times, Save(). Keeps everything in
// memory. Not thread-safe; owned by one thread.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attune/v1/decision_log.pb.h"

namespace attune::trainer {

class CollectedLog {
 public:
  struct Counts {
    // In the file after Save().
    int64_t decisions = 0;
    int64_t with_feedback = 0;
    int64_t waiting = 0;
    // Came anew, came once more, went for their age.
    int64_t added = 0;
    int64_t repeated = 0;
    int64_t aged = 0;
  };

  // An empty log if there is no file. kDataLoss if it is damaged.
  static absl::StatusOr<CollectedLog> Load(std::string path);

  // A decision without feedback, or feedback without a decision.
  void Add(v1::LoggedDecision record);

  // Leaves out what was decided before `oldest`, replaces the files, each as a
  // whole, and counts. If it fails, the log is as it was, or holds what it holds
  // twice in both files, which the next Load() joins.
  absl::Status Save(absl::Time oldest);

  const Counts& counts() const { return counts_; }

 private:
  explicit CollectedLog(std::string path) : path_(std::move(path)) {}
  absl::Status LoadFile(const std::string& path);
  std::string WaitingPath() const { return path_ + ".waiting"; }

  std::string path_;
  // In the order they came; by_id_ holds positions. What has no patterns is
  // feedback that waits.
  std::vector<v1::LoggedDecision> records_;
  std::unordered_map<std::string, size_t> by_id_;
  Counts counts_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_COLLECTED_LOG_H_
