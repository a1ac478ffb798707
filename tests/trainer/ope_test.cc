// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/ope.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "trainer/ope_report.h"

namespace attune::trainer {
namespace {

using ::attune::testing::StatusIs;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Three decisions of two users.
std::vector<WeighedDecision> Rows() {
  return {{.weight = 2.0,
           .slate_weight = 1.5,
           .reward = 1.0,
           .predicted = 0.6,
           .expected = 0.7,
           .user = 0},
          {.weight = 0.5,
           .slate_weight = -0.5,
           .reward = 0.4,
           .predicted = 0.5,
           .expected = 0.6,
           .user = 1},
          {.weight = 0.5,
           .slate_weight = 2.0,
           .reward = 0.2,
           .predicted = 0.4,
           .expected = 0.5,
           .user = 1}};
}

double ValueBy(Estimator estimator) {
  const auto values = InfluenceValues(estimator, Rows());
  return ClusteredMean(values, {0, 1, 1}).value;
}

TEST(OffPolicyTest, EstimatorsAreThoseOfTheirFormulas) {
  // (2 * 1 + .5 * .4 + .5 * .2) / 3
  EXPECT_NEAR(ValueBy(Estimator::kIps), 2.3 / 3.0, 1e-12);
  // 2.3 / (2 + .5 + .5)
  EXPECT_NEAR(ValueBy(Estimator::kSnips), 2.3 / 3.0, 1e-12);
  // (2 * .4 + .7) + (.5 * -.1 + .6) + (.5 * -.2 + .5) = 1.5 + .55 + .4
  EXPECT_NEAR(ValueBy(Estimator::kDoublyRobust), 2.45 / 3.0, 1e-12);
  // 1.5 * 1 - .5 * .4 + 2 * .2 = 1.7
  EXPECT_NEAR(ValueBy(Estimator::kPseudoInverse), 1.7 / 3.0, 1e-12);
}

TEST(OffPolicyTest, SnipsDividesByTheWeightsAndLinearises) {
  std::vector<WeighedDecision> rows = Rows();
  rows[0].weight = 1.0;
  // (1 + .2 + .1) / 2 = .65; the mean weight is 2/3:
  // .65 + 1.5 * .35, .65 + .75 * -.25, .65 + .75 * -.45.
  EXPECT_THAT(InfluenceValues(Estimator::kSnips, rows),
              ElementsAre(DoubleNear(1.175, 1e-12), DoubleNear(0.4625, 1e-12),
                          DoubleNear(0.3125, 1e-12)));
}

TEST(OffPolicyTest, UsersAreClusters) {
  // Mean 2; the clusters' sums of deviations are -1 - 1 = -2 and 2:
  // sqrt(2 / 1 * (4 + 4)) / 4 = 1.
  const Estimate clustered = ClusteredMean({1.0, 1.0, 3.0, 3.0}, {0, 0, 1, 1});
  EXPECT_NEAR(clustered.standard_error, 1.0, 1e-12);
  // Each its own: sqrt(4 / 3 * 4) / 4.
  const Estimate single = ClusteredMean({1.0, 1.0, 3.0, 3.0}, {0, 1, 2, 3});
  EXPECT_NEAR(single.standard_error, std::sqrt(16.0 / 3.0) / 4.0, 1e-12);
  EXPECT_NEAR(single.high - 2.0, StudentQuantile(3) * single.standard_error,
              1e-12);
}

TEST(OffPolicyTest, EffectiveSizeCountsEqualWeights) {
  EXPECT_EQ(EffectiveSize({2.0, 2.0, 2.0, 0.0}), 3.0);
  EXPECT_EQ(EffectiveSize({3.0, 1.0}), 1.6);
  EXPECT_EQ(EffectiveSize({0.0, 0.0}), 0.0);
}

TEST(OffPolicyTest, StudentQuantilesAreNearTheTables) {
  EXPECT_NEAR(StudentQuantile(30), 2.042, 0.005);
  EXPECT_NEAR(StudentQuantile(10), 2.228, 0.005);
  EXPECT_NEAR(StudentQuantile(100), 1.984, 0.001);
  EXPECT_NEAR(StudentQuantile(100, 0.005), 2.626, 0.005);
}

// Two patterns of two options; the logging policy takes each with these
// probabilities.
LoggedSample TwoPatterns(float first, float second) {
  LoggedSample sample{.state = Eigen::VectorXf::Zero(1),
                      .options = {0, 1},
                      .propensities = {first, 1.0F - second}};
  sample.probabilities = {Eigen::Vector2f(first, 1.0F - first),
                          Eigen::Vector2f(second, 1.0F - second)};
  return sample;
}

// The second pattern repeats the first one's option with probability 0.9.
Eigen::VectorXf Repeating(int pattern, const Eigen::VectorXf&,
                          absl::Span<const int> earlier) {
  if (pattern == 0) return Eigen::Vector2f(0.8F, 0.2F);
  return earlier[0] == 0 ? Eigen::Vector2f(0.9F, 0.1F)
                         : Eigen::Vector2f(0.1F, 0.9F);
}

TEST(ChoiceDistributionTest, JointWeightsFollowTheChosenOptions) {
  policy::Rng rng(1);
  const auto drawn =
      DrawChoices(Repeating, Eigen::VectorXf::Zero(1), 2, 20000, rng);
  const ChoiceWeights weights =
      WeighChoice(Repeating, TwoPatterns(0.5F, 0.5F), drawn);
  // .8 * .1 / (.5 * .5)
  EXPECT_NEAR(weights.joint, 0.32, 1e-6);
  // Marginal of the second: .8 * .1 + .2 * .9 = .26.
  EXPECT_NEAR(weights.slate, 1.0 + 0.6 - 0.48, 0.01);
  EXPECT_EQ(weights.unsupported, 0.0);
}

TEST(ChoiceDistributionTest, SeesWhatTheLoggingPolicyCannotTake) {
  policy::Rng rng(1);
  const auto drawn =
      DrawChoices(Repeating, Eigen::VectorXf::Zero(1), 2, 4, rng);
  // Only ever option 0 and then option 1: .2 is lost at once, of the other .8
  // again .9.
  const ChoiceWeights weights =
      WeighChoice(Repeating, TwoPatterns(1.0F, 0.0F), drawn);
  EXPECT_NEAR(weights.unsupported, 0.2 + 0.8 * 0.9, 1e-6);
}

class SupportTest : public ::testing::Test {
 protected:
  // `count` decisions, each with this weight and unsupported mass.
  static WeighedLog Alike(int count, double weight, double unsupported) {
    WeighedLog log;
    for (int i = 0; i < count; ++i) {
      log.rows.push_back(
          {.weight = weight, .slate_weight = 1.0, .reward = 0.5, .user = i});
      log.unsupported.push_back(unsupported);
    }
    return log;
  }
  static void Refuses(const WeighedLog& log, const std::string& why) {
    EXPECT_THAT(
        CheckSupport(log, {}),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(why)));
  }
};

TEST_F(SupportTest, AcceptsTheLoggingPolicyItself) {
  EXPECT_TRUE(CheckSupport(Alike(200, 1.0, 0.0), {}).ok());
}

TEST_F(SupportTest, RefusesChoicesThatCouldNotBeTaken) {
  Refuses(Alike(200, 0.7, 0.3), "could not take");
}

TEST_F(SupportTest, RefusesWeightsThatDoNotAverageToOne) {
  Refuses(Alike(200, 0.6, 0.0), "instead of 1");
}

TEST_F(SupportTest, RefusesASmallEffectiveSizeAndNamesTheWayOut) {
  WeighedLog log = Alike(200, 0.0, 0.0);
  log.rows[0].weight = 200.0;
  Refuses(log, "effective sample size of 200 decisions is 1.0");
  Refuses(log, "--additive");
  EXPECT_TRUE(CheckSupport(log, {.additive = true}).ok());
}

TEST(OpeTest, RefusesTooFewRewardsAndUsers) {
  LoggedSamples log{.decisions = 50, .without_reward = 50};
  const BeliefShape shape{{2, 2}, 1, 0};
  EXPECT_THAT(ValueOnLog(shape, log, Repeating, std::nullopt, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("0 of 50 decisions can be used")));
  log.samples.resize(200);
  log.users = 3;
  EXPECT_THAT(
      ValueOnLog(shape, log, Repeating, std::nullopt, {}),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("3 users")));
}

}  // namespace
}  // namespace attune::trainer
