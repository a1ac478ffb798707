// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_ADMISSION_H_
#define ATTUNE_SERVER_ADMISSION_H_

// Decides at a call's first instruction whether it is answered at all, so that
// a crowd gets few late answers and many quick refusals, not late answers only.
//
// Enter(), then Leave() if it was admitted. The limit is on calls under way:
// as many as are answered within max_wait at the pace that Leave() reports, and
// never more than max_calls. Pure but for that state; takes no lock.
// Thread-safe.

#include <atomic>
#include <chrono>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace attune::server {

class Admission {
 public:
  struct Options {
    // Threads that answer side by side. At least 1.
    int threads = 1;
    // Longest time for which admitted calls wait for a thread.
    absl::Duration max_wait = absl::Milliseconds(20);
    // Most calls under way, whatever the pace.
    int max_calls = 1024;
  };

  // Calls that take longer than this are answered by threads of their own: a
  // hand-over costs several microseconds, and a refusal nearly as much as the
  // answer of a quick call.
  static constexpr std::chrono::microseconds kQuick{100};

  explicit Admission(const Options& options) : options_(options) {}

  // kResourceExhausted if too many calls are under way; kDeadlineExceeded if
  // `remaining` is less than an answer takes, as far as is known: of many such
  // calls one is tried. `calls` at least 1: a batch is admitted whole or not at all.
  absl::Status Enter(int calls, absl::Duration remaining);
  // After Enter() returned OK; `spent` on the calls by the thread that answered
  // them, 0 if none was answered.
  void Leave(int calls, std::chrono::nanoseconds spent);

  // Whether calls are answered so quickly that the thread that received one may
  // answer it.
  bool IsQuick() const { return Pace() < kQuick; }
  // Time after which a refused caller may find room: until what is under way is
  // answered. At least 1 ms.
  absl::Duration RetryAfter() const;
  // Most calls under way at the present pace.
  int limit() const;
  int calls() const { return calls_.load(std::memory_order_relaxed); }

 private:
  // Average time that a thread takes for a call.
  std::chrono::nanoseconds Pace() const {
    return std::chrono::nanoseconds(pace_.load(std::memory_order_relaxed));
  }

  void Forget();

  const Options options_;
  std::atomic<int> calls_ = 0;
  // Written by whoever leaves: a lost update is one observation of many.
  std::atomic<int64_t> pace_ = 20000;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_ADMISSION_H_
