// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/pace.h"

#include <algorithm>

namespace attune::server {

Pace::Pace(int64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

void Pace::Start() {
  std::lock_guard<std::mutex> lock(mutex_);
  started_ = true;
}

void Pace::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    started_ = false;
  }
  wake_.notify_all();
}

Pace::Clock::duration Pace::TimeFor(int64_t bytes) const {
  if (bytes_per_second_ == 0) return Clock::duration::zero();
  const std::chrono::duration<double> seconds(
      static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
  return std::chrono::duration_cast<Clock::duration>(seconds);
}

Pace::Clock::time_point Pace::Count(int64_t bytes, Clock::time_point now) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!started_) return now;
  next_ = std::max(next_, now - TimeFor(kFreeBytes)) + TimeFor(bytes);
  return std::max(next_, now);
}

void Pace::Spend(int64_t bytes) {
  const Clock::time_point next = Count(bytes, Clock::now());
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_until(lock, next, [this] { return !started_; });
}

}  // namespace attune::server
