// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/planner.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace attune::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(IntervalOfTest, IsTheNormalInterval) {
  const GainInterval interval = IntervalOf({.mean = 0.02, .deviation = 0.01});
  EXPECT_DOUBLE_EQ(interval.mean, 0.02);
  // 0.02 -+ 1.959964 * 0.01
  EXPECT_NEAR(interval.low, 0.00040036, 1e-12);
  EXPECT_NEAR(interval.high, 0.03959964, 1e-12);
}

TEST(NarrowEnoughTest, NeedsAWidthANumberOfRankingsAndANarrowInterval) {
  const GainInterval interval = {.mean = 0.0, .low = -0.25, .high = 0.25};
  const PlannerOptions stops = {.stop_width = 0.5, .stop_after = 100};
  EXPECT_TRUE(NarrowEnough(interval, 100, stops));
  EXPECT_FALSE(NarrowEnough(interval, 99, stops));
  EXPECT_FALSE(
      NarrowEnough(interval, 100, {.stop_width = 0.49, .stop_after = 100}));
  // Off by default, however narrow.
  EXPECT_FALSE(NarrowEnough({}, 1000000, {}));
}

TEST(UncertainTasksTest, IsTheShareRoundedDownAndLeavesOneToTheStream) {
  EXPECT_EQ(UncertainTasks(8, {.uncertain_share = 0.5}), 4);
  EXPECT_EQ(UncertainTasks(7, {.uncertain_share = 0.5}), 3);
  EXPECT_EQ(UncertainTasks(1, {.uncertain_share = 0.9}), 0);
  EXPECT_EQ(UncertainTasks(8, {.uncertain_share = 0.0}), 0);
}

TEST(MostUncertainTest, TakesTheLargestAndTheFirstOfEqualOnes) {
  Eigen::VectorXf deviation(5);
  deviation << 0.1F, 0.4F, 0.2F, 0.4F, 0.3F;
  EXPECT_THAT(MostUncertain(deviation, 3), ElementsAre(1, 3, 4));
  EXPECT_THAT(MostUncertain(deviation, 0), IsEmpty());
}

TEST(CallsLeftTest, CountsLossesAsSpentUnlessNothingWouldBeLeft) {
  EXPECT_EQ(CallsLeft(100, 60, 0), 40);
  EXPECT_EQ(CallsLeft(100, 60, 15), 25);
  EXPECT_EQ(CallsLeft(100, 90, 10), 10);
  EXPECT_EQ(CallsLeft(100, 90, 32), 10);
  EXPECT_EQ(CallsLeft(100, 100, 0), 0);
  EXPECT_EQ(CallsLeft(100, 104, 3), 0);
}

}  // namespace
}  // namespace attune::trainer
