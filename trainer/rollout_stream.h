// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ROLLOUT_STREAM_H_
#define ATTUNE_TRAINER_ROLLOUT_STREAM_H_

// One run's requests and answers in Redis, and who is there to ask and to
// answer. Under the prefix:
//
//   rollout:runs            set of run ids
//   rollout:run:<id>        a RolloutRun; lives as long as its learner
//   rollout:requests:<id>   stream, consumer group `workers`
//   rollout:answers:<id>    stream
//   rollout:workers         set of workers' names
//   rollout:worker:<name>   a RolloutWorker; lives as long as the worker
//
// An entry of the requests is a worker's once it has taken it, and another's
// once it has been quiet for longer than the lease. Answer() adds the answer
// and removes the request in one script, and only for who comes first: so each
// entry is answered once, whoever died or came late. The learner removes what
// it has read. All keys end by themselves some time after their owner did.
//
// Redis may forget everything: the learner opens the run again and adds what is
// Missing().
//
// Errors are those of redis/error.h. Thread-compatible, as the connection is.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "redis/connection.h"

namespace attune::trainer {

// What a learner asks: `id` names it to the learner, `entry` in the stream.
struct RolloutJob {
  std::string run;
  std::string entry;
  std::string id;
  std::string request;
  // Workers that it was given to, this one included.
  int64_t deliveries = 1;
};

struct RolloutReply {
  std::string id;
  std::string answer;
};

// Learners and workers that are there.
class RolloutPresence {
 public:
  enum class Kind { kRun, kWorker };

  // `connection` must outlive it.
  RolloutPresence(redis::Connection& connection, std::string prefix, Kind kind);

  // It counts as there for `how_long` from now on.
  absl::Status Announce(const std::string& name, const std::string& value,
                        absl::Duration how_long);
  absl::Status Leave(const std::string& name);
  // Values by name.
  absl::StatusOr<std::map<std::string, std::string>> All();

 private:
  std::string KeyOf(const std::string& name) const;

  redis::Connection& connection_;
  const std::string all_key_;
  const std::string key_prefix_;
};

// The learner's side of one run.
class RolloutStream {
 public:
  // `connection` must outlive it.
  RolloutStream(redis::Connection& connection, const std::string& prefix,
                const std::string& run);

  // Makes the stream and its group unless they are there; both last for
  // `how_long` from now on.
  absl::Status Open(absl::Duration how_long);
  absl::Status Close();

  // Adds requests and returns their entries. After an error that lost the
  // connection they may have been added.
  absl::StatusOr<std::vector<std::string>> Add(
      absl::Span<const RolloutJob* const> jobs);
  // Which of the entries are gone: answered, or forgotten by Redis.
  absl::StatusOr<std::vector<std::string>> Missing(
      const std::vector<std::string>& entries);
  // Nobody is to answer them any more.
  absl::Status Withdraw(const std::vector<std::string>& entries);
  // Waits for answers. One may come again if the connection fails meanwhile.
  absl::StatusOr<std::vector<RolloutReply>> Take(absl::Duration wait);

 private:
  redis::Connection& connection_;
  const std::string requests_;
  const std::string answers_;
};

// A worker's side of all runs that it serves.
class RolloutJobs {
 public:
  // `connection` must outlive it.
  RolloutJobs(redis::Connection& connection, std::string prefix,
              std::string worker)
      : connection_(connection),
        prefix_(std::move(prefix)),
        worker_(std::move(worker)) {}

  // Waits for requests that nobody has taken; at most about `count`. kNotFound
  // if a run has ended.
  absl::StatusOr<std::vector<RolloutJob>> Take(
      const std::vector<std::string>& runs, int count, absl::Duration wait);
  // Takes over what others took and have been quiet about for the lease.
  absl::StatusOr<std::vector<RolloutJob>> TakeOver(const std::string& run,
                                                   absl::Duration lease,
                                                   int count);
  // Says that we are still at them.
  absl::Status Renew(absl::Span<const RolloutJob> jobs);
  // Answers jobs; returns how many of the answers were the first for their job.
  absl::StatusOr<int> Answer(absl::Span<const RolloutJob> jobs,
                             const std::vector<std::string>& answers);

 private:
  redis::Connection& connection_;
  const std::string prefix_;
  const std::string worker_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ROLLOUT_STREAM_H_
