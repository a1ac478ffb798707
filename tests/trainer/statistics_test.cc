// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/statistics.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "policy/random.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kSeed = 7;

TEST(StatisticsTest, MeanAndStandardErrorOfKnownValues) {
  EXPECT_DOUBLE_EQ(Mean({1.0, 2.0, 6.0}), 3.0);
  EXPECT_EQ(Mean({}), 0.0);
  // Sample variance 7, so the error is sqrt(7 / 3).
  EXPECT_DOUBLE_EQ(StandardError({1.0, 2.0, 6.0}), std::sqrt(7.0 / 3.0));
  EXPECT_EQ(StandardError({1.0}), 0.0);
}

TEST(StatisticsTest, IntervalOfNothingIsEmpty) {
  const Interval interval = BootstrapMean({}, kSeed);
  EXPECT_EQ(interval.count, 0);
  EXPECT_EQ(interval.high, 0.0);
}

TEST(StatisticsTest, IntervalOfOneValueIsThatValue) {
  const Interval interval = BootstrapMean({0.5}, kSeed);
  EXPECT_EQ(interval.low, 0.5);
  EXPECT_EQ(interval.high, 0.5);
}

TEST(StatisticsTest, IntervalIsAFunctionOfTheSeed) {
  const std::vector<double> values = {0.1, 0.9, 0.4, 0.7, 0.3};
  EXPECT_EQ(BootstrapMean(values, 1).low, BootstrapMean(values, 1).low);
  EXPECT_NE(BootstrapMean(values, 1, 101).low,
            BootstrapMean(values, 2, 101).low);
}

TEST(StatisticsTest, IntervalAgreesWithTheNormalOneForManyValues) {
  policy::Rng rng(kSeed);
  std::vector<double> values;
  for (int i = 0; i < 500; ++i) values.push_back(rng.UnitDouble());
  const Interval interval = BootstrapMean(values, kSeed);
  const double half = 1.96 * StandardError(values);
  EXPECT_NEAR(interval.low, Mean(values) - half, 0.1 * half);
  EXPECT_NEAR(interval.high, Mean(values) + half, 0.1 * half);
  EXPECT_EQ(interval.count, 500);
}

// About 95 of 100 intervals hold the true mean.
TEST(StatisticsTest, IntervalsCoverTheTruthAsOftenAsPromised) {
  RecordProperty("seed", static_cast<int>(kSeed));
  policy::Rng rng(kSeed);
  int covered = 0;
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<double> values;
    for (int i = 0; i < 60; ++i) {
      values.push_back(policy::NdcgAt(10, 1 + static_cast<int>(rng.Below(10))));
    }
    const Interval interval = BootstrapMean(values, kSeed + trial, 1000);
    const double truth = policy::RandomNdcgAt(10, 10);
    covered += interval.low <= truth && truth <= interval.high ? 1 : 0;
  }
  EXPECT_GE(covered, 270);
  EXPECT_LE(covered, 298);
}

TEST(StatisticsTest, PairingCancelsWhatTheMethodsShare) {
  policy::Rng rng(kSeed);
  std::vector<double> a;
  std::vector<double> b;
  for (int i = 0; i < 100; ++i) {
    const double user = rng.UnitDouble();
    a.push_back(user + 0.02);
    b.push_back(user);
  }
  const Interval difference = PairedDifference(a, b, kSeed);
  EXPECT_NEAR(difference.mean, 0.02, 1e-12);
  EXPECT_GT(difference.low, 0.019);
  EXPECT_LT(difference.high, 0.021);
}

TEST(StatisticsTest, QuantilesInterpolate) {
  EXPECT_DOUBLE_EQ(Quantile({1.0, 2.0, 4.0}, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(Quantile({1.0, 2.0, 4.0}, 0.75), 3.0);
  EXPECT_DOUBLE_EQ(Quantile({1.0, 2.0, 4.0}, 1.0), 4.0);
}

// Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04, and
// never smaller than the one before.
TEST(StatisticsTest, HolmMultipliesByTheTestsThatAreLeft) {
  const std::vector<double> adjusted = HolmAdjust({0.01, 0.04, 0.03, 0.02});
  EXPECT_DOUBLE_EQ(adjusted[0], 0.04);
  EXPECT_DOUBLE_EQ(adjusted[1], 0.06);
  EXPECT_DOUBLE_EQ(adjusted[2], 0.06);
  EXPECT_DOUBLE_EQ(adjusted[3], 0.06);
}

TEST(StatisticsTest, HolmLeavesASingleTestAloneAndStopsAtOne) {
  EXPECT_DOUBLE_EQ(HolmAdjust({0.03})[0], 0.03);
  EXPECT_DOUBLE_EQ(HolmAdjust({0.9, 0.8})[0], 1.0);
  EXPECT_TRUE(HolmAdjust({}).empty());
}

TEST(StatisticsTest, NormalisesBetweenChanceAndPerfection) {
  EXPECT_DOUBLE_EQ(Normalised(0.4, 0.4), 0.0);
  EXPECT_DOUBLE_EQ(Normalised(1.0, 0.4), 1.0);
  EXPECT_DOUBLE_EQ(Normalised(0.7, 0.4), 0.5);
}

}  // namespace
}  // namespace attune::trainer
