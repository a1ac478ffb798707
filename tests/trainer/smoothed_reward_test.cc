// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/smoothed_reward.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace attune::trainer {
namespace {

TEST(SmoothedRewardTest, IsTheExpectedNdcgUnderNoise) {
  // The others' scores deviate by 1 and are 1 above and below the target's:
  // above it with probability p = Phi(1) and 1 - p. Rank 1: p (1 - p), rank 3
  // the same, rank 2: p^2 + (1 - p)^2.
  const double p = 0.841344746;
  const double ends = p * (1.0 - p);
  EXPECT_NEAR(SmoothedReward({5.0F, 6.0F, 4.0F}, 0),
              ends + (1.0 - 2.0 * ends) / std::log2(3.0) + ends / 2.0, 1e-6);
  // 2 above both of the mean of these: leads of 1 and 3 deviations.
  const double q = 0.998650102;
  EXPECT_NEAR(SmoothedReward({4.0F, 6.0F, 7.0F}, 2),
              p * q + (p + q - 2.0 * p * q) / std::log2(3.0) +
                  (1.0 - p) * (1.0 - q) / 2.0,
              1e-6);
}

TEST(SmoothedRewardTest, GrowsWithTheTargetsScore) {
  std::vector<float> scores = {0.3F, -1.2F, 0.0F, 2.0F, 0.7F};
  float before = 0.0F;
  for (float score = -10.0F; score <= 10.0F; score += 0.5F) {
    scores[2] = score;
    const float reward = SmoothedReward(scores, 2);
    EXPECT_GE(reward, before) << score;
    EXPECT_LE(reward, 1.0F) << score;
    before = reward;
  }
  EXPECT_NEAR(before, 1.0F, 1e-4F);
}

TEST(SmoothedRewardTest, DependsOnNoUnit) {
  const std::vector<float> scores = {0.3F, -1.2F, 0.1F, 2.0F};
  std::vector<float> others;
  for (const float score : scores) others.push_back(7.0F + 100.0F * score);
  EXPECT_NEAR(SmoothedReward(scores, 2), SmoothedReward(others, 2), 1e-5F);
}

TEST(SmoothedRewardTest, ComparesWhereTheOthersDoNotDiffer) {
  EXPECT_FLOAT_EQ(SmoothedReward({2.0F, 1.0F}, 0), 1.0F);
  EXPECT_FLOAT_EQ(SmoothedReward({2.0F, 1.0F}, 1),
                  static_cast<float>(1.0 / std::log2(3.0)));
  // Equal: above with probability one half.
  EXPECT_FLOAT_EQ(SmoothedReward({1.0F, 1.0F}, 0),
                  static_cast<float>(0.5 + 0.5 / std::log2(3.0)));
  EXPECT_FLOAT_EQ(SmoothedReward({1.0F}, 0), 1.0F);
}

TEST(SmoothedRewardTest, IsNoNumberIfAScoreIsNone) {
  EXPECT_TRUE(std::isnan(
      SmoothedReward({1.0F, std::numeric_limits<float>::infinity(), 0.0F}, 0)));
}

}  // namespace
}  // namespace attune::trainer
