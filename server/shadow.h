// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_SHADOW_H_
#define ATTUNE_SERVER_SHADOW_H_

// Lets the shadow revision decide on copies of requests, and logs what it would
// have answered. Nobody is ever answered with it.
//
// A request's bytes are copied into a bounded queue after its own decision was
// made; one thread of low priority reads them and decides, so that a slow shadow
// costs requests no time beyond the copy. What finds the queue full, in requests
// or in bytes, is dropped and counted. Refinements (requests with `previous`) are
// not offered: the shadow did not make the decision that they refine. Nor are
// requests in mode APPRENTICE: whoever decides, the caller's choice is served.
//
// Life cycle: borrows the log, which must outlive it; the destructor drops what
// waits and joins. Thread-safe.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "policy/revision.h"
#include "server/decision_log.h"
#include "server/prompt_request.h"

namespace attune::server {

// A request that was served, and the decision that it got.
struct ServedRequest {
  std::shared_ptr<const policy::Revision> shadow;
  // Bytes of a v1::GetPromptRequest without `previous`, not in mode APPRENTICE.
  std::string request;
  // Of the decision.
  DecisionId decision_id = {};
  uint64_t seed = 0;
  absl::Time time;
  UserPseudonym user = {};
};

struct ShadowStats {
  int64_t decided = 0;
  // The shadow's policy refused the request.
  int64_t failed = 0;
  int64_t dropped = 0;
};

class ShadowRunner {
 public:
  struct Options {
    DecisionLog* log;
    // Fills a span with random bytes. Thread-safe.
    std::function<void(absl::Span<uint8_t>)> random;
    size_t queue_capacity = 1024;
    // Bytes of requests that may wait.
    size_t queue_bytes = size_t{64} << 20;
  };

  explicit ShadowRunner(Options options);
  ~ShadowRunner();
  ShadowRunner(const ShadowRunner&) = delete;
  ShadowRunner& operator=(const ShadowRunner&) = delete;

  // Takes the request, or drops and counts it. Does not block on the shadow.
  void Offer(ServedRequest served);

  // Decides on nothing any more; what waits is dropped. Idempotent; not for two
  // threads at once. stats() still tells.
  void Stop();

  ShadowStats stats() const;

 private:
  void Run();
  absl::Status Decide(const ServedRequest& served);

  const Options options_;
  std::atomic<int64_t> decided_{0};
  std::atomic<int64_t> failed_{0};
  std::atomic<int64_t> dropped_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<ServedRequest> waiting_;  // guarded by mutex_
  size_t waiting_bytes_ = 0;           // guarded by mutex_
  bool stopping_ = false;              // guarded by mutex_

  // The thread's own.
  PromptRequest request_;
  std::thread thread_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_SHADOW_H_
