// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/pace.h"

#include <gtest/gtest.h>

namespace attune::server {
namespace {

constexpr int64_t kMebibyte = 1 << 20;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Pace::Clock::time_point kNow(hours(1));

TEST(PaceTest, WhatIsSmallNeverWaits) {
  Pace pace(kMebibyte);
  pace.Start();
  EXPECT_EQ(pace.Count(kMebibyte / 2, kNow), kNow);
  EXPECT_EQ(pace.Count(kMebibyte / 2, kNow), kNow);
  const auto later = kNow + seconds(1);
  EXPECT_EQ(pace.Count(kMebibyte, later), later);
}

TEST(PaceTest, MoreTakesItsTime) {
  Pace pace(4 * kMebibyte);
  pace.Start();
  EXPECT_EQ(pace.Count(kMebibyte, kNow), kNow);
  EXPECT_EQ(pace.Count(8 * kMebibyte, kNow), kNow + seconds(2));
  EXPECT_EQ(pace.Count(2 * kMebibyte, kNow), kNow + milliseconds(2500));
}

TEST(PaceTest, NoTimeWithoutWorkIsSavedUp) {
  Pace pace(kMebibyte);
  pace.Start();
  const auto later = kNow + hours(1);
  EXPECT_EQ(pace.Count(kMebibyte, kNow), kNow);
  EXPECT_EQ(pace.Count(3 * kMebibyte, later), later + seconds(2));
}

TEST(PaceTest, WithoutALimitNobodyWaits) {
  Pace pace(0);
  pace.Start();
  EXPECT_EQ(pace.Count(int64_t{1} << 50, kNow), kNow);
}

TEST(PaceTest, NobodyWaitsBeforeTheStartOrAfterTheStop) {
  Pace pace(1);
  EXPECT_EQ(pace.Count(10 * kMebibyte, kNow), kNow);
  pace.Spend(10 * kMebibyte);
  pace.Start();
  pace.Spend(kMebibyte);
  pace.Stop();
  pace.Spend(10 * kMebibyte);
}

}  // namespace
}  // namespace attune::server
