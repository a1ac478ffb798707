// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_RETRY_H_
#define ATTUNE_CLIENT_RETRY_H_

// When a call is tried again, and how long to wait before. UNAVAILABLE is tried
// again: it says that the server did not get to the call; and what the server
// itself asks to have tried again after some time (gRFC A6's pushback).
// Everything else is the caller's to judge.

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace attune::client {

// The outside world that a retry needs; tests put their own in its place.
struct Clock {
  // absl::Now if empty.
  std::function<absl::Time()> now = {};
  // absl::SleepFor if empty.
  std::function<void(absl::Duration)> sleep = {};
  // Uniform in [0, 1), from a generator of the process if empty.
  std::function<double()> random = {};

  // A clock with the defaults filled in.
  static Clock Real();
  Clock OrReal() const;
};

struct RetryOptions {
  // Calls in total, the first one included. 1 means no retry. At least 1.
  int max_attempts = 4;
  // Wait before the second attempt, before jitter.
  absl::Duration initial_backoff = absl::Milliseconds(50);
  // Each wait is this many times the one before. At least 1.
  double multiplier = 2.0;
  // No wait is longer, before jitter.
  absl::Duration max_backoff = absl::Seconds(2);
  // A wait is uniform in [(1 - jitter) b, b]. In [0, 1].
  double jitter = 0.5;
};

// Wait before attempt number `attempt` + 1. Pure. REQUIRES: attempt >= 1,
// `unit` in [0, 1).
absl::Duration Backoff(const RetryOptions& options, int attempt, double unit);

// Notes in an error after what time the server wants the call again.
void SetRetryAfter(absl::Duration wait, absl::Status& status);
// What was noted, if anything was.
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

// Whether the call may succeed if it is made again unchanged.
bool IsRetryable(const absl::Status& status);

// Calls `attempt(deadline)` until it succeeds, fails with anything that is not
// retryable, has failed max_attempts times, or the next wait would pass the
// deadline; returns its last status. Waits as long as the server asked, else by
// Backoff(). The deadline bounds all attempts together.
absl::Status CallWithRetry(
    const RetryOptions& options, const Clock& clock, absl::Time deadline,
    const std::function<absl::Status(absl::Time)>& attempt);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_RETRY_H_
