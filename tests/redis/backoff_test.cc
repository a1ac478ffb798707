// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/backoff.h"

#include <gtest/gtest.h>

namespace attune::redis {
namespace {

TEST(BackoffTest, DoublesUpToItsLimitAndStartsOver) {
  const absl::Time now = absl::FromUnixSeconds(1000);
  double random = 1.0;
  Backoff backoff({.least = absl::Milliseconds(100), .most = absl::Seconds(1)},
                  [&random] { return random; });
  EXPECT_EQ(backoff.next(), absl::InfinitePast());
  for (const int64_t wait : {100, 200, 400, 800, 1000, 1000}) {
    backoff.Fail(now);
    EXPECT_EQ(backoff.next() - now, absl::Milliseconds(wait));
  }
  for (int i = 0; i < 100; ++i) backoff.Fail(now);
  EXPECT_EQ(backoff.next() - now, absl::Seconds(1));
  backoff.Succeed();
  EXPECT_EQ(backoff.next(), absl::InfinitePast());
  // The lower end of the draw.
  random = 0.0;
  backoff.Fail(now);
  EXPECT_EQ(backoff.next() - now, absl::Milliseconds(50));
}

}  // namespace
}  // namespace attune::redis
