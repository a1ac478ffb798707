// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_FOLLOWER_H_
#define ATTUNE_SERVER_FOLLOWER_H_

// Keeps this server's revisions and traffic equal to those that the servers share
// (redis_store.h).
//
// A turn: takes over the traffic if Redis has a later one, with the revisions that
// it needs; deletes what others deleted; fetches a revision that is not here,
// verifies it as a push is verified, and stores it; puts into Redis the revisions
// of our traffic if it does not have them, our traffic if it has an earlier one or
// none, and another revision that it does not have and nobody deleted. So the
// servers agree on the highest sequence that any of them has seen, and of two
// traffics with one sequence on the one in Redis. There is a turn when somebody
// announces a change, and one every `interval` in any case.
//
// Of the revisions that no traffic needs a turn fetches one and puts one back, and
// the next turn comes at once: an order does not wait for hundreds of them.
//
// A revision that cannot be fetched or is no good here is tried again ever more
// seldom, and holds up only a traffic that names it.
//
// Life cycle: CatchUp() and Turn() any number of times, from one thread; Start();
// Stop(), or the destructor. What it borrows must outlive it.

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "redis/backoff.h"
#include "server/redis_link.h"
#include "server/redis_store.h"
#include "server/revision_registry.h"
#include "server/upload.h"

namespace attune::server {

class Follower {
 public:
  struct Options {
    RedisSettings settings;
    RedisStats* stats;
    RevisionRegistry* registry;
    UploadArea* uploads;
    absl::Duration interval = absl::Seconds(1);
  };

  explicit Follower(Options options);
  ~Follower();
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  // The traffic, and the revisions that it needs. Redis' errors.
  absl::Status CatchUp();
  // One turn, as Start() does them; whether another one is due at once.
  bool Turn();
  void Start();
  // Makes Stop() short, which else takes what a command of Redis takes.
  void BeginStop();
  // Idempotent.
  void Stop();

 private:
  void Run();
  // Until somebody announces a change, or it is time, or Stop().
  void AwaitChange();
  bool Stopping();
  // Of the revisions: all that the traffic needs, or the next one of the others.
  enum class Part { kNeeded, kNextOther };
  void FollowTraffic(const SharedIndex& index);
  void FollowDeletions(const SharedIndex& index);
  // What Redis does not have; whether more may be left.
  absl::StatusOr<bool> Restore(const SharedIndex& index);
  // Whether one of the others was put there.
  absl::StatusOr<bool> RestoreRevisions(const SharedIndex& index, Part part);
  absl::Status RestoreTraffic(const SharedIndex& index);
  void RetryEndTrial();
  // Fetches what is not here; whether one of the others was tried.
  bool FetchMissing(const SharedIndex& index, Part part);
  // Whether it is time to.
  bool TryFetch(const SharedRevision& revision);
  absl::Status Fetch(const SharedRevision& revision);
  bool IsHere(const SharedRevision& revision) const;

  const Options options_;
  RedisStore store_;
  RedisLink listener_;
  bool listening_ = false;
  // Sequence of the last traffic that could not be taken over, as the log says.
  int64_t refused_traffic_ = 0;
  // When to end again for all what was ended for this server alone.
  redis::Backoff retry_trial_;
  // By id: when to try a revision again that could not be put in.
  std::map<std::string, redis::Backoff> failed_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_FOLLOWER_H_
