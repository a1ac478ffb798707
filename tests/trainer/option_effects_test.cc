// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/option_effects.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policy/random.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kSeed = 37;

// Groups {1, 3}, {5, 7}: means 2 and 6; MSB = 2 * (4 + 4) / 1 = 16, MSW =
// 4 / 2 = 2, n0 = 2: (16 - 2) / 2 = 7.
TEST(OptionEffectsTest, VarianceBetweenByHand) {
  EXPECT_DOUBLE_EQ(VarianceBetween({{1.0, 3.0}, {5.0, 7.0}}), 7.0);
}

// Groups {0}, {2, 4}: means 0 and 3, mean of all 2; MSB = 1 * 4 + 2 * 1 = 6, MSW
// = 2 / 1 = 2, n0 = (3 - 5 / 3) / 1 = 4 / 3: (6 - 2) / (4 / 3) = 3.
TEST(OptionEffectsTest, VarianceBetweenWithUnequalGroups) {
  EXPECT_DOUBLE_EQ(VarianceBetween({{0.0}, {2.0, 4.0}}), 3.0);
}

TEST(OptionEffectsTest, SaysNothingFromOneMeasurementAUser) {
  const OptionEffect effect =
      EstimateOptionEffect({{0.1}, {0.5}, {}, {0.3}}, kSeed);
  EXPECT_EQ(effect.users, 3);
  EXPECT_DOUBLE_EQ(effect.mean, 0.3);
  EXPECT_EQ(effect.between_user_deviation, 0.0);
  EXPECT_EQ(effect.p, 1.0);
}

std::vector<std::vector<double>> Simulate(policy::Rng& rng, double between,
                                          int users = 60) {
  std::vector<std::vector<double>> gains(users);
  for (auto& user : gains) {
    const double own = 0.05 + between * Normal(rng);
    for (int t = 0; t < 4; ++t) user.push_back(own + 0.2 * Normal(rng));
  }
  return gains;
}

TEST(OptionEffectsTest, FindsADeviationThatExists) {
  RecordProperty("seed", std::to_string(kSeed));
  policy::Rng rng(kSeed);
  const OptionEffect effect =
      EstimateOptionEffect(Simulate(rng, 0.15, 400), kSeed, 500);
  EXPECT_NEAR(effect.between_user_deviation, 0.15, 0.02);
  EXPECT_NEAR(effect.mean, 0.05, 3 * effect.standard_error);
  EXPECT_LT(effect.p, 0.01);
}

// Without a difference p is uniform: about one in ten is below 0.1.
TEST(OptionEffectsTest, SeldomFindsOneThatDoesNot) {
  policy::Rng rng(kSeed);
  int found = 0;
  for (int trial = 0; trial < 200; ++trial) {
    found += EstimateOptionEffect(Simulate(rng, 0.0), trial, 99).p <= 0.1;
  }
  EXPECT_GE(found, 8);
  EXPECT_LE(found, 34);
}

}  // namespace
}  // namespace attune::trainer
