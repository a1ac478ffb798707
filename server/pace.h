// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PACE_H_
#define ATTUNE_SERVER_PACE_H_

// Spreads work that can wait over time. A revision that arrives costs little, but
// a tenth of a second's work at once is a tenth of a second in which the requests
// of a busy server wait.
//
// Whoever works calls Spend() after each piece. Nobody waits before Start(), while
// there are no requests yet, nor after Stop(). Thread-safe: all who share a pace
// share its rate.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace attune::server {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  // So much is free after a time without work: what is small never waits.
  static constexpr int64_t kFreeBytes = 1 << 20;

  // 0: nobody waits.
  explicit Pace(int64_t bytes_per_second);

  void Start();
  void Stop();

  // Counts bytes worked on at `now`, and says when more may be.
  Clock::time_point Count(int64_t bytes, Clock::time_point now);
  // Counts, and blocks until then.
  void Spend(int64_t bytes);

 private:
  Clock::duration TimeFor(int64_t bytes) const;

  const int64_t bytes_per_second_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool started_ = false;                               // guarded by mutex_
  Clock::time_point next_ = Clock::time_point::min();  // guarded by mutex_
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PACE_H_
