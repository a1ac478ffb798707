// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_EVENTUALLY_H_
#define ATTUNE_TESTS_SERVER_EVENTUALLY_H_

// Waits for what other threads and processes bring about.

#include <functional>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace attune::server {

// Whether it comes true in time.
inline bool Eventually(const std::function<bool()>& is_true,
                       absl::Duration limit = absl::Seconds(30)) {
  const absl::Time deadline = absl::Now() + limit;
  while (!is_true()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_EVENTUALLY_H_
