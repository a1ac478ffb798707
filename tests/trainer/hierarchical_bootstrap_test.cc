// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/hierarchical_bootstrap.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "policy/random.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kSeed = 23;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

TEST(HierarchicalMeanTest, NothingHasNoIntervalAndNoSignificance) {
  SeedTable none = SeedTable::Constant(3, 2, kNone);
  EXPECT_EQ(HierarchicalMean(none, kSeed).interval.count, 0);
  EXPECT_EQ(HierarchicalMean(none, kSeed).p, 1.0);
  EXPECT_EQ(HierarchicalMean(SeedTable(0, 1), kSeed).p, 1.0);
}

TEST(HierarchicalMeanTest, EqualValuesGiveAPoint) {
  const BootstrapResult result =
      HierarchicalMean(SeedTable::Constant(10, 3, 0.25), kSeed, 500);
  EXPECT_DOUBLE_EQ(result.interval.mean, 0.25);
  EXPECT_DOUBLE_EQ(result.interval.low, 0.25);
  EXPECT_DOUBLE_EQ(result.interval.high, 0.25);
  EXPECT_EQ(result.interval.count, 10);
  // The data themselves are the only ones on the other side: 2 * 1 / 501.
  EXPECT_DOUBLE_EQ(result.p, 2.0 / 501.0);
}

TEST(HierarchicalMeanTest, NoDifferenceIsNotSignificant) {
  EXPECT_EQ(HierarchicalMean(SeedTable::Zero(20, 5), kSeed).p, 1.0);
}

TEST(HierarchicalMeanTest, MissingCellsAndUsersAreLeftOut) {
  SeedTable values(3, 2);
  values << 1.0, 3.0,  //
      5.0, kNone,      //
      kNone, kNone;
  const BootstrapResult result = HierarchicalMean(values, kSeed);
  EXPECT_DOUBLE_EQ(result.interval.mean, 3.0);
  EXPECT_EQ(result.interval.count, 2);
}

TEST(HierarchicalMeanTest, OneColumnAgreesWithThePlainBootstrap) {
  policy::Rng rng(kSeed);
  SeedTable values(200, 1);
  std::vector<double> plain;
  for (int user = 0; user < 200; ++user) {
    plain.push_back(values(user, 0) = rng.UnitDouble());
  }
  const Interval ours = HierarchicalMean(values, kSeed).interval;
  const Interval theirs = BootstrapMean(plain, kSeed);
  EXPECT_NEAR(ours.mean, theirs.mean, 1e-12);
  EXPECT_NEAR(ours.low, theirs.low, 0.003);
  EXPECT_NEAR(ours.high, theirs.high, 0.003);
}

// Seeds that differ make the interval wider than users alone do.
TEST(HierarchicalMeanTest, SpreadOfTheSeedsCounts) {
  SeedTable same = SeedTable::Zero(100, 5);
  SeedTable spread = same;
  for (int seed = 0; seed < 5; ++seed) spread.col(seed).array() += seed - 2;
  EXPECT_EQ(HierarchicalMean(same, kSeed).interval.high, 0.0);
  // The mean of five draws from {-2, ..., 2} has a deviation of 0.632.
  EXPECT_NEAR(HierarchicalMean(spread, kSeed).interval.high, 1.2, 0.11);
}

// Values = user + seed + noise with mean 0: how often the interval holds 0, and
// how often p is below 0.05.
struct Coverage {
  double covered = 0.0;
  double rejected = 0.0;
};
Coverage Simulate(int seeds, double seed_deviation) {
  constexpr int kTrials = 300;
  policy::Rng rng(kSeed);
  Coverage coverage;
  for (int trial = 0; trial < kTrials; ++trial) {
    SeedTable values(40, seeds);
    for (int s = 0; s < seeds; ++s) {
      values.col(s).setConstant(seed_deviation * Normal(rng));
    }
    for (int user = 0; user < values.rows(); ++user) {
      values.row(user).array() += 0.2 * Normal(rng);
      for (int s = 0; s < seeds; ++s) values(user, s) += 0.1 * Normal(rng);
    }
    const BootstrapResult result = HierarchicalMean(values, trial, 600);
    coverage.covered +=
        result.interval.low <= 0.0 && 0.0 <= result.interval.high;
    coverage.rejected += result.p < 0.05;
  }
  return {coverage.covered / kTrials, coverage.rejected / kTrials};
}

TEST(HierarchicalMeanTest, IntervalsCoverTheTruthAsOftenAsPromised) {
  RecordProperty("seed", std::to_string(kSeed));
  const Coverage users_only = Simulate(5, 0.0);
  EXPECT_NEAR(users_only.covered, 0.95, 0.035);
  EXPECT_NEAR(users_only.rejected, 0.05, 0.035);
  // Drawing users anew for every seed would cover far less here.
  const Coverage both = Simulate(12, 0.05);
  EXPECT_NEAR(both.covered, 0.95, 0.04);
}

TEST(PairedTableTest, ComparesEverySeedWithAMethodThatHasNone) {
  SeedTable learner(2, 2);
  learner << 0.5, 0.75, 0.25, kNone;
  SeedTable baseline(2, 1);
  baseline << 0.25, 0.5;
  const SeedTable difference = PairedTable(learner, baseline);
  EXPECT_EQ(difference(0, 0), 0.25);
  EXPECT_EQ(difference(0, 1), 0.5);
  EXPECT_EQ(difference(1, 0), -0.25);
  EXPECT_TRUE(difference(1, 1) != difference(1, 1));
  EXPECT_EQ(PairedTable(baseline, learner)(0, 1), -0.5);
}

}  // namespace
}  // namespace attune::trainer
