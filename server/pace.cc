// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/pace.h"

#include <algorithm>

#include "absl/time/clock.h"

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

absl::Duration Pace::TimeFor(int64_t bytes) const {
  if (bytes_per_second_ == 0) return absl::ZeroDuration();
  return absl::Seconds(bytes) / bytes_per_second_;
}

absl::Time Pace::CountLocked(int64_t bytes, absl::Time now) {
  next_ = std::max(next_, now - TimeFor(kFreeBytes)) + TimeFor(bytes);
  return std::max(next_, now);
}

absl::Time Pace::Count(int64_t bytes, absl::Time now) {
  std::lock_guard<std::mutex> lock(mutex_);
  return CountLocked(bytes, now);
}

void Pace::Spend(int64_t bytes) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (!started_) return;
  const absl::Time now = absl::Now();
  const absl::Time next = CountLocked(bytes, now);
  wake_.wait_for(lock, absl::ToChronoNanoseconds(next - now),
                 [this] { return !started_; });
}

}  // namespace attune::server
