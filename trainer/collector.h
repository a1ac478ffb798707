// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_COLLECTOR_H_
#define ATTUNE_TRAINER_COLLECTOR_H_

// Takes what servers put into Redis (server/deliverer.h) into a CollectedLog: all
// that is there, and then it is done.
//
// Reads with a consumer group; entries are acknowledged, and deleted from the
// stream to make room, only after the log was saved. So a collector that dies takes
// nothing with it: the next one of its name begins with what it had, and one of
// another name takes that over after a minute. What comes twice counts once. Run
// one at a time: two would share the entries out between two files.
//
// Not thread-safe; owned by one thread.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "redis/connection.h"
#include "redis/stream.h"
#include "trainer/collected_log.h"

namespace attune::trainer {

class Collector {
 public:
  struct Options {
    redis::Connection::Options redis;
    std::string prefix = "attune:";
    std::string group = "trainer";
    std::string consumer = "collector";
    // After which time a dead collector's entries are taken over.
    absl::Duration dead_after = absl::Minutes(1);
    // Most entries of one run: they are kept in memory.
    int64_t max_entries = 1000000;
  };

  explicit Collector(Options options);

  // Adds to the file what is in the stream; leaves out of it what was decided
  // before `oldest`. Redis' errors, and those of the file, after which nothing was
  // acknowledged; damaged entries are passed over, counted and deleted.
  absl::StatusOr<CollectedLog::Counts> Collect(const std::string& path,
                                               absl::Time oldest);
  int64_t damaged() const { return damaged_; }

 private:
  absl::Status EnsureGroup();
  absl::Status TakeDeadOnes(CollectedLog* log);
  // Entries after `from`: ">" for new ones, "0" for our own that wait.
  absl::Status Take(const std::string& from, CollectedLog* log);
  void AddEntries(std::vector<redis::StreamEntry> entries, CollectedLog* log);
  absl::Status Acknowledge();
  bool IsFull() const {
    return static_cast<int64_t>(taken_.size()) >= options_.max_entries;
  }

  const Options options_;
  redis::Connection connection_;
  const std::string stream_;
  // Ids of entries that are to be acknowledged.
  std::vector<std::string> taken_;
  int64_t damaged_ = 0;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_COLLECTOR_H_
