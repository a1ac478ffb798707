// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/confidence_sequence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace attune::server {
namespace {

constexpr int kRuns = 1000;
constexpr int kLooks = 2000;

// Runs in which the bound was on the wrong side of the mean at any look.
template <typename Draw>
int WrongRuns(double alpha, double mean, Draw draw) {
  int wrong = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(run);
    ConfidenceSequence sequence(alpha);
    bool was_wrong = false;
    for (int i = 0; i < kLooks; ++i) {
      sequence.Add(draw(random));
      was_wrong |= sequence.Lower() > mean;
    }
    wrong += was_wrong;
  }
  return wrong;
}

// Looked at after every number, the lower bound is wrong in at most alpha of the
// runs; four standard deviations are allowed.
TEST(ConfidenceSequenceTest, HoldsAtEveryLookAtOnce) {
  constexpr double kAlpha = 0.05;
  const double limit =
      kRuns * kAlpha + 4.0 * std::sqrt(kRuns * kAlpha * (1.0 - kAlpha));
  std::uniform_real_distribution<double> uniform;
  std::bernoulli_distribution rare(0.02);
  std::bernoulli_distribution half(0.5);
  EXPECT_LE(WrongRuns(kAlpha, 0.5, uniform), limit);
  EXPECT_LE(WrongRuns(kAlpha, 0.02, rare), limit);
  EXPECT_LE(WrongRuns(kAlpha, 0.5, half), limit);
}

// A test of 5 % that is looked at after every number is wrong far more often.
TEST(ConfidenceSequenceTest, ANaiveBoundDoesNotHold) {
  int wrong = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(run);
    std::bernoulli_distribution half(0.5);
    double sum = 0.0;
    bool was_wrong = false;
    for (int n = 1; n <= kLooks; ++n) {
      sum += half(random);
      if (n < 100) continue;
      was_wrong |= sum / n - 1.645 * 0.5 / std::sqrt(n) > 0.5;
    }
    wrong += was_wrong;
  }
  EXPECT_GT(wrong, kRuns / 10);
}

TEST(ConfidenceSequenceTest, NarrowsWithTheVariance) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> narrow(0.4, 0.02);
  std::bernoulli_distribution wide(0.4);
  ConfidenceSequence one(0.01);
  ConfidenceSequence two(0.01);
  for (int i = 0; i < 10000; ++i) {
    one.Add(narrow(random));
    two.Add(wide(random) ? 1.0 : 0.0);
  }
  EXPECT_NEAR(one.mean(), 0.4, 0.001);
  EXPECT_LT(one.Upper() - one.Lower(), 0.01);
  EXPECT_LT(two.Upper() - two.Lower(), 0.06);
  EXPECT_GT(two.Upper() - two.Lower(), 0.01);
}

TEST(ConfidenceSequenceTest, KnowsNothingAtFirst) {
  const ConfidenceSequence sequence(0.01);
  EXPECT_EQ(sequence.count(), 0);
  EXPECT_EQ(sequence.Lower(), 0.0);
  EXPECT_EQ(sequence.Upper(), 1.0);
}

TEST(ConfidenceSequenceTest, TakesAnyNumber) {
  ConfidenceSequence sequence(0.01);
  for (const double x : {-1.0, 2.0, std::numeric_limits<double>::infinity(),
                         std::numeric_limits<double>::quiet_NaN()}) {
    sequence.Add(x);
  }
  EXPECT_EQ(sequence.mean(), 0.75);
  EXPECT_TRUE(std::isfinite(sequence.Lower()));
  EXPECT_TRUE(std::isfinite(sequence.Upper()));
}

}  // namespace
}  // namespace attune::server
