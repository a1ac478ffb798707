// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ROLLOUT_WORKER_H_
#define ATTUNE_TRAINER_ROLLOUT_WORKER_H_

// Ranks for learners elsewhere (remote_backend.h): takes requests out of Redis,
// asks the LLM next to it and puts the answers there.
//
// It serves every run that wants its LLM, and says which do not. It begins with
// what other workers took and are not heard of about. A request that it, or the
// workers before it, were given kMostDeliveries times without an answer is
// answered with a fault: it may be what kills them. A fault of the LLM is an
// answer too, after which it rests, longer each time. While Redis is away it tries again, for ever.
//
// Life cycle: Serve() until it is told to stop; then the batch at hand is
// finished first. Not thread-safe; owned by one thread.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "redis/connection.h"
#include "trainer/lease_keeper.h"
#include "trainer/llm_backend.h"
#include "trainer/rollout_stream.h"
#include "trainer/rollout_wire.h"

namespace attune::trainer {

struct RolloutWorkerOptions {
  redis::Connection::Options redis;
  // Before every key in Redis.
  std::string prefix = "attune:";
  // Another one for each worker.
  std::string name;
  // Requests that the LLM is given at a time.
  int batch_size = 4;
  std::function<absl::Time()> clock;
  std::function<void(absl::Duration)> sleep;
  // Tells the user what happens.
  std::function<void(const std::string&)> say;
};

class RolloutWorker {
 public:
  static constexpr int64_t kMostDeliveries = 10;

  struct Counts {
    int64_t answered = 0;  // faults included
    int64_t faults = 0;
    // Another worker was first.
    int64_t late = 0;
    // From a worker that was not heard of.
    int64_t taken_over = 0;
  };

  // `backend` must outlive the worker.
  RolloutWorker(LlmBackend& backend, RolloutWorkerOptions options);

  // Until `stop` says so. kUnauthenticated or kPermissionDenied if Redis does
  // not let it in at the beginning.
  absl::Status Serve(const std::function<bool()>& stop);

  const Counts& counts() const { return counts_; }

 private:
  absl::Status Step();
  // Learns which runs there are.
  absl::Status LookForRuns();
  absl::StatusOr<std::vector<RolloutJob>> NextJobs();
  absl::StatusOr<std::vector<RolloutJob>> TakeOver();
  // Ranks and answers.
  void Work(const std::vector<RolloutJob>& jobs);
  std::vector<absl::StatusOr<LlmAnswer>> Rank(
      const std::vector<RolloutJob>& jobs);
  // An LLM that fails is quick: others should get what it would take.
  void RestIfBroken(bool nothing_but_faults);
  void Trouble(const absl::Status& status);
  void SayRate(bool last);
  absl::Duration ShortestLease() const;

  LlmBackend& backend_;
  const RolloutWorkerOptions options_;
  const LlmFacts facts_;
  std::function<bool()> stop_;
  redis::Connection connection_;
  RolloutPresence all_runs_;
  RolloutJobs queue_;
  std::optional<LeaseKeeper> keeper_;
  // Those that we serve, with their leases.
  std::map<std::string, absl::Duration> runs_;
  std::set<std::string> refused_;
  absl::Time look_at_ = absl::InfinitePast();
  absl::Time take_over_at_ = absl::InfinitePast();
  Counts counts_;
  absl::Duration rest_;  // after the last batch
  // For the rate.
  absl::Time said_at_;
  int64_t said_answered_ = 0;
  std::string last_fault_;  // since then
  absl::Time trouble_said_at_ = absl::InfinitePast();
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ROLLOUT_WORKER_H_
