// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/headroom.h"

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policy/random.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kSeed = 31;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Three targets, three choices; choice 0 is the fixed prompt.
UserRewards ThreeTargets() {
  UserRewards rewards(3, 3);
  rewards << 0.5, 0.9, 0.4,  //
      0.5, 0.1, 0.6,         //
      0.5, 0.4, 0.6;
  return rewards;
}

// Means 0.5, 1.4 / 3, 1.6 / 3: choice 2 gains 1.6 / 3 - 0.5.
TEST(HeadroomTest, NaiveGainByHand) {
  EXPECT_NEAR(NaiveGain(ThreeTargets(), 0), 1.6 / 3.0 - 0.5, 1e-12);
  EXPECT_EQ(BestChoice(ThreeTargets(), 0), 2);
}

// Without target 0: sums 1.0, 0.5, 1.2: choice 2, which gets 0.4 - 0.5 there.
// Without target 1: 1.0, 1.3, 1.0: choice 1, 0.1 - 0.5.
// Without target 2: 1.0, 1.0, 1.0: a tie, so the fixed prompt, 0.
TEST(HeadroomTest, CrossFittedGainByHand) {
  EXPECT_NEAR(CrossFittedGain(ThreeTargets(), 0), (-0.1 - 0.4 + 0.0) / 3.0,
              1e-12);
}

TEST(HeadroomTest, IncompleteTargetsAndLoneTargetsAreLeftOut) {
  UserRewards holes = ThreeTargets();
  holes(0, 1) = kNone;
  UserRewards lone = holes;
  lone(1, 2) = kNone;
  const Headroom headroom =
      MeasureHeadroom({ThreeTargets(), holes, lone}, 0, kSeed);
  EXPECT_EQ(headroom.users, 2);
  EXPECT_DOUBLE_EQ(headroom.targets_per_user, 2.5);
}

struct Simulated {
  double personal = 0.0;  // deviation of a user's own effects
  double noise = 0.2;
};
Headroom Simulate(const Simulated& world, int targets) {
  policy::Rng rng(kSeed);
  std::vector<UserRewards> users;
  for (int user = 0; user < 400; ++user) {
    UserRewards rewards(targets, 4);
    for (int choice = 0; choice < 4; ++choice) {
      rewards.col(choice).setConstant(world.personal * Normal(rng));
      for (int t = 0; t < targets; ++t) {
        rewards(t, choice) += world.noise * Normal(rng);
      }
    }
    users.push_back(rewards);
  }
  return MeasureHeadroom(users, 0, kSeed);
}

// All choices are equal: the naive oracle sees a gain in the noise.
TEST(HeadroomTest, OnlyTheNaiveOracleGainsFromNoise) {
  RecordProperty("seed", std::to_string(kSeed));
  const Headroom headroom = Simulate({.personal = 0.0}, 5);
  EXPECT_GT(headroom.naive.low, 0.05);
  EXPECT_LT(headroom.cross_fitted.low, 0.0);
  EXPECT_GT(headroom.cross_fitted.high, 0.0);
}

// The best of four draws of deviation 0.2 is 1.029 * 0.2 above the mean.
TEST(HeadroomTest, FindsAGainThatExists) {
  const Headroom headroom = Simulate({.personal = 0.2, .noise = 0.1}, 6);
  const double truth = 1.029 * 0.2;
  EXPECT_GT(headroom.cross_fitted.low, 0.7 * truth);
  EXPECT_LT(headroom.cross_fitted.low, truth);
  EXPECT_GT(headroom.naive.mean, headroom.cross_fitted.mean);
}

}  // namespace
}  // namespace attune::trainer
