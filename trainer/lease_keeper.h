// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LEASE_KEEPER_H_
#define ATTUNE_TRAINER_LEASE_KEEPER_H_

// Says in Redis, while the LLM works, that a worker is there and still at what
// it took.
//
// Life cycle: from construction to destruction it announces the worker, from a
// thread and a connection of its own; between Hold() and Release() it renews
// the leases. Redis' errors are for who else uses it to tell.
//
// Hold() and Release() are for one thread.

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "redis/connection.h"
#include "trainer/rollout_stream.h"

namespace attune::trainer {

class LeaseKeeper {
 public:
  struct Options {
    redis::Connection::Options redis;
    std::string prefix;
    std::string worker;
    // A RolloutWorker.
    std::string value;
  };

  explicit LeaseKeeper(Options options);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  void Hold(std::vector<RolloutJob> jobs, absl::Duration lease);
  void Release() { Hold({}, absl::InfiniteDuration()); }

 private:
  void Work();

  const Options options_;
  redis::Connection connection_;
  RolloutPresence workers_;
  RolloutJobs jobs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::vector<RolloutJob> held_;
  absl::Duration lease_ = absl::InfiniteDuration();
  bool stop_ = false;
  std::thread thread_;  // the last member: it uses all others
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LEASE_KEEPER_H_
