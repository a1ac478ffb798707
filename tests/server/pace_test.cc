// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/pace.h"

#include <gtest/gtest.h>

#include <thread>

namespace attune::server {
namespace {

constexpr int64_t kMebibyte = 1 << 20;
const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

TEST(PaceTest, WhatIsSmallNeverWaits) {
  Pace pace(kMebibyte);
  EXPECT_EQ(pace.Count(kMebibyte / 2, kNow), kNow);
  EXPECT_EQ(pace.Count(kMebibyte / 2, kNow), kNow);
  const absl::Time later = kNow + absl::Seconds(1);
  EXPECT_EQ(pace.Count(kMebibyte, later), later);
}

TEST(PaceTest, MoreTakesItsTime) {
  Pace pace(4 * kMebibyte);
  EXPECT_EQ(pace.Count(kMebibyte, kNow), kNow);
  EXPECT_EQ(pace.Count(8 * kMebibyte, kNow), kNow + absl::Seconds(2));
  EXPECT_EQ(pace.Count(2 * kMebibyte, kNow), kNow + absl::Seconds(2.5));
}

TEST(PaceTest, NoTimeWithoutWorkIsSavedUp) {
  Pace pace(kMebibyte);
  const absl::Time later = kNow + absl::Hours(1);
  EXPECT_EQ(pace.Count(kMebibyte, kNow), kNow);
  EXPECT_EQ(pace.Count(3 * kMebibyte, later), later + absl::Seconds(2));
}

TEST(PaceTest, WithoutALimitNobodyWaits) {
  Pace pace(0);
  EXPECT_EQ(pace.Count(int64_t{1} << 50, kNow), kNow);
}

TEST(PaceTest, NobodyWaitsBeforeTheStartOrAfterTheStop) {
  Pace pace(1);
  pace.Spend(10 * kMebibyte);
  pace.Start();
  std::thread worker([&pace] { pace.Spend(10 * kMebibyte); });
  pace.Stop();
  worker.join();
  pace.Spend(10 * kMebibyte);
}

}  // namespace
}  // namespace attune::server
