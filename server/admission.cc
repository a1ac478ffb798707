// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/admission.h"

#include <algorithm>

#include "server/error_reason.h"

namespace attune::server {
namespace {

// Weight of one observation in the average.
constexpr int64_t kWeight = 32;
// A call during which its thread was suspended says nothing: an observation
// counts at most as this many times the average.
constexpr int64_t kLargest = 8;
// A call that is refused for its deadline makes the average smaller by one part in
// this many: some time one is tried again, or what was slow once would be for ever.
constexpr int64_t kForget = 1024;

}  // namespace

int Admission::limit() const {
  const auto in_time = absl::ToInt64Nanoseconds(options_.max_wait) *
                       options_.threads / std::max<int64_t>(Pace().count(), 1);
  // Every thread has a call, and another one that waits.
  const int64_t least = 2 * options_.threads;
  return static_cast<int>(
      std::min<int64_t>(std::max(in_time, least), options_.max_calls));
}

absl::Status Admission::Enter(int calls, absl::Duration remaining) {
  if (remaining < absl::FromChrono(Pace())) {
    if (remaining > absl::ZeroDuration()) Forget();
    return WithReason(
        absl::DeadlineExceededError("too little time left to answer"),
        "DEADLINE_TOO_CLOSE");
  }
  const int before = calls_.fetch_add(calls, std::memory_order_relaxed);
  // A batch that is larger than the limit may come alone.
  if (before == 0 || before + calls <= limit()) return absl::OkStatus();
  calls_.fetch_sub(calls, std::memory_order_relaxed);
  return WithReason(
      absl::ResourceExhaustedError("too many calls under way; try again later"),
      "OVERLOADED");
}

void Admission::Leave(int calls, std::chrono::nanoseconds spent) {
  calls_.fetch_sub(calls, std::memory_order_relaxed);
  if (spent.count() <= 0) return;
  const int64_t pace = pace_.load(std::memory_order_relaxed);
  const int64_t seen = std::min(spent.count() / calls, kLargest * pace);
  pace_.store(std::max<int64_t>(1, pace + (seen - pace) / kWeight),
              std::memory_order_relaxed);
}

void Admission::Forget() {
  const int64_t pace = pace_.load(std::memory_order_relaxed);
  pace_.store(pace - pace / kForget, std::memory_order_relaxed);
}

absl::Duration Admission::RetryAfter() const {
  const absl::Duration wait =
      absl::FromChrono(Pace()) * calls() / options_.threads;
  return std::max(wait, absl::Milliseconds(1));
}

}  // namespace attune::server
