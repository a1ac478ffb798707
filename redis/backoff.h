// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_REDIS_BACKOFF_H_
#define ATTUNE_REDIS_BACKOFF_H_

// When to try again after failures in a row: each wait is twice as long as the one
// before, and drawn from its upper half, so that clients that failed together do
// not come back together.
//
// Not thread-safe; owned by one thread.

#include <functional>

#include "absl/time/time.h"

namespace attune::redis {

class Backoff {
 public:
  struct Options {
    absl::Duration least = absl::Milliseconds(100);
    absl::Duration most = absl::Seconds(2);
  };

  // `random` is uniform in [0, 1).
  Backoff(Options options, std::function<double()> random)
      : options_(options), random_(std::move(random)) {}

  void Succeed() { failures_ = 0; }
  void Fail(absl::Time now);

  // No try makes sense before; the past if there was no failure.
  absl::Time next() const {
    return failures_ == 0 ? absl::InfinitePast() : next_;
  }

 private:
  const Options options_;
  const std::function<double()> random_;
  int failures_ = 0;
  absl::Time next_;
};

}  // namespace attune::redis

#endif  // ATTUNE_REDIS_BACKOFF_H_
