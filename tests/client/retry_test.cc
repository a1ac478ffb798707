// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/retry.h"

#include <vector>

#include "gtest/gtest.h"

namespace attune::client {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

// A clock that moves only when someone sleeps.
struct FakeClock {
  absl::Time now = kStart;
  std::vector<absl::Duration> waits;
  double unit = 0.0;

  Clock Get() {
    return {.now = [this] { return now; },
            .sleep =
                [this](absl::Duration wait) {
                  waits.push_back(wait);
                  now += wait;
                },
            .random = [this] { return unit; }};
  }
};

TEST(BackoffTest, GrowsByMultiplierUpToItsLimit) {
  const RetryOptions options{.initial_backoff = absl::Milliseconds(50),
                             .multiplier = 2.0,
                             .max_backoff = absl::Milliseconds(150),
                             .jitter = 0.5};
  EXPECT_EQ(Backoff(options, 1, 0.0), absl::Milliseconds(50));
  EXPECT_EQ(Backoff(options, 2, 0.0), absl::Milliseconds(100));
  EXPECT_EQ(Backoff(options, 3, 0.0), absl::Milliseconds(150));
  EXPECT_EQ(Backoff(options, 1000, 0.0), absl::Milliseconds(150));
}

TEST(BackoffTest, JitterOnlyShortens) {
  const RetryOptions options{.initial_backoff = absl::Milliseconds(100),
                             .jitter = 0.5};
  EXPECT_EQ(Backoff(options, 1, 0.5), absl::Milliseconds(75));
  EXPECT_GT(Backoff(options, 1, 0.999999), absl::Milliseconds(50));
}

TEST(CallWithRetryTest, StopsAtMaxAttempts) {
  FakeClock clock;
  int calls = 0;
  const absl::Status status =
      CallWithRetry({.max_attempts = 3, .jitter = 0.0}, clock.Get(),
                    kStart + absl::Seconds(60), [&](absl::Time) {
                      ++calls;
                      return absl::UnavailableError("away");
                    });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(clock.waits, (std::vector<absl::Duration>{
                             absl::Milliseconds(50), absl::Milliseconds(100)}));
}

TEST(CallWithRetryTest, ReturnsFirstSuccess) {
  FakeClock clock;
  int calls = 0;
  const absl::Status status = CallWithRetry(
      {}, clock.Get(), kStart + absl::Seconds(60), [&](absl::Time) {
        return ++calls < 2 ? absl::UnavailableError("away") : absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(calls, 2);
}

TEST(CallWithRetryTest, TriesOtherCodesOnce) {
  for (int code = 1; code <= 16; ++code) {
    if (code == static_cast<int>(absl::StatusCode::kUnavailable)) continue;
    FakeClock clock;
    int calls = 0;
    const absl::Status failure(static_cast<absl::StatusCode>(code), "no");
    EXPECT_EQ(CallWithRetry({}, clock.Get(), kStart + absl::Seconds(60),
                            [&](absl::Time) {
                              ++calls;
                              return failure;
                            }),
              failure);
    EXPECT_EQ(calls, 1) << failure;
    EXPECT_TRUE(clock.waits.empty()) << failure;
  }
}

TEST(CallWithRetryTest, DoesNotWaitPastDeadline) {
  FakeClock clock;
  int calls = 0;
  const absl::Time deadline = kStart + absl::Milliseconds(120);
  const absl::Status status =
      CallWithRetry({.max_attempts = 100, .jitter = 0.0}, clock.Get(), deadline,
                    [&](absl::Time until) {
                      EXPECT_EQ(until, deadline);
                      ++calls;
                      return absl::UnavailableError("away");
                    });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  // 50 ms fit, 50 + 100 ms do not.
  EXPECT_EQ(calls, 2);
  EXPECT_LT(clock.now, deadline);
}

TEST(ClockTest, FillsInWhatIsMissing) {
  const Clock clock = Clock{.now = [] { return kStart; }}.OrReal();
  EXPECT_EQ(clock.now(), kStart);
  ASSERT_TRUE(clock.sleep);
  for (int i = 0; i < 1000; ++i) {
    const double unit = clock.random();
    ASSERT_GE(unit, 0.0);
    ASSERT_LT(unit, 1.0);
  }
}

}  // namespace
}  // namespace attune::client
