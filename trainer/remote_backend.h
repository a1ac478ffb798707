// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REMOTE_BACKEND_H_
#define ATTUNE_TRAINER_REMOTE_BACKEND_H_

// The LLMs of workers on other machines (rollout_worker.h), as one backend: it
// puts requests into Redis and gathers the answers. Whatever else a training
// is made of stays with the learner, so it ends with the same bytes as if the
// LLM were here.
//
// Each request is answered once, in its place: a worker that dies loses its
// requests to another, a second answer to one is ignored, what Redis forgot is
// added again. At most `window` requests are in Redis at a time. While Redis is
// away it waits; if nothing is answered for `patience`, what is open fails with
// kDeadlineExceeded. A fault that may be of one worker's LLM (kUnavailable,
// kDeadlineExceeded) is asked again, kMostTries times in all; then, as any other,
// it is what it would be here.
//
// Thread-compatible: Answer() by one thread at a time.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "redis/connection.h"
#include "trainer/llm_backend.h"
#include "trainer/rollout_stream.h"
#include "trainer/rollout_wire.h"

namespace attune::trainer {

struct RemoteOptions {
  redis::Connection::Options redis;
  // Before every key in Redis.
  std::string prefix = "attune:";
  // Names the run: another one each time, since a run that died may have left
  // something.
  std::string run;
  // The LLM that workers must have; nullopt: the one that those that are there
  // have.
  std::optional<LlmFacts> llm;
  // What Identity() says; empty: what the workers say.
  std::string identity;
  // A worker that is not heard of for so long has lost what it took.
  absl::Duration lease = absl::Seconds(15);
  // Without any answer, or without any worker at the beginning.
  absl::Duration patience = absl::Minutes(10);
  int window = 256;
  std::function<absl::Time()> clock;
  std::function<void(absl::Duration)> sleep;
  // Tells the user what is waited for.
  std::function<void(const std::string&)> say;
};

class RemoteBackend final : public LlmBackend {
 public:
  static constexpr int kMostTries = 3;

  // Waits for a worker unless `options.llm` says what is expected.
  // kFailedPrecondition if workers have different LLMs; kDeadlineExceeded if
  // none came; kUnauthenticated and kPermissionDenied at once.
  static absl::StatusOr<std::unique_ptr<RemoteBackend>> Create(
      RemoteOptions options);
  // Takes the run out of Redis, if that is there.
  ~RemoteBackend() override;

  // Beside the workers' faults: kDeadlineExceeded as above, kInvalidArgument
  // for a prompt that is too large.
  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override;

  std::string Identity() const override { return options_.identity; }
  std::string SharedIdentity() const override { return options_.llm->llm; }
  bool Cacheable() const override { return options_.llm->cacheable; }
  bool Samples() const override { return options_.llm->samples; }
  std::vector<std::pair<std::string, double>> Metrics() const override;

 private:
  class Exchange;
  explicit RemoteBackend(RemoteOptions options);

  // Learns which LLM the workers have.
  absl::Status Meet();
  // One look at who is there; false if nobody is.
  absl::StatusOr<bool> LookAround();
  // Says that the run is there.
  absl::Status Announce();
  // Counts the workers that serve this run.
  absl::Status CountWorkers();
  void SayOnce(const std::string& what);
  // Says every ten seconds what is waited for. `trouble` is Redis'.
  void SayWaiting(const std::string& what, const absl::Status& trouble);
  // Until the next command makes sense.
  void Pause();

  RemoteOptions options_;
  redis::Connection connection_;
  RolloutStream stream_;
  RolloutPresence runs_;
  RolloutPresence workers_;
  std::set<std::string> said_;
  absl::Time said_at_ = absl::InfinitePast();
  int64_t sequence_ = 0;
  int workers_seen_ = 0;
  // Since it was made.
  int64_t added_again_ = 0;
  int64_t late_ = 0;
  int64_t faults_ = 0;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REMOTE_BACKEND_H_
