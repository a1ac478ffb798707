// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/reward_model.h"

#include <Eigen/LU>
#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/random.h"
#include "trainer/group_baseline.h"
#include "trainer/joint_choices.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

constexpr uint64_t kSeed = 77;
constexpr int kDim = 4;
const std::vector<int> kOptions = {3, 2};

std::vector<int> RandomChoice(policy::Rng& rng) {
  return {static_cast<int>(rng.Below(3)), static_cast<int>(rng.Below(2))};
}

Eigen::VectorXf RandomState(policy::Rng& rng) {
  Eigen::VectorXf x(kDim);
  for (float& value : x) value = static_cast<float>(Normal(rng));
  return x;
}

// Option 1 of the first pattern is better for everybody, option 2 for users
// whose x[0] is large, option 1 of the second pattern worse for everybody; users
// with a large x[3] are easy.
float Truth(const Eigen::VectorXf& x, const std::vector<int>& options,
            bool personal) {
  float value = 0.5F + 0.05F * x[3];
  if (options[0] == 1) value += 0.1F;
  if (options[0] == 2 && personal) value += 0.2F * x[0];
  if (options[1] == 1) value -= 0.08F;
  return value;
}

// `count` cases of two choices; noise 0.2 and a task's luck of deviation 0.2.
void AddCases(RewardModel& model, int count, float effect, bool personal,
              uint64_t stream, uint64_t seed = kSeed) {
  policy::Rng rng(seed, stream);
  for (int i = 0; i < count; ++i) {
    Case one{.state = RandomState(rng), .covariates = Eigen::VectorXf()};
    const double luck = 0.2 * Normal(rng);
    for (int j = 0; j < 2; ++j) {
      one.choices.push_back(RandomChoice(rng));
      one.rewards.push_back(static_cast<float>(
          effect * Truth(one.state, one.choices.back(), personal) + luck +
          0.2 * Normal(rng)));
    }
    model.Add(one);
  }
}

TEST(RewardModelTest, PosteriorEqualsTheClosedForm) {
  // One pattern of two options, a state of one number: weights are
  // [mean, user; common and personal of a; of b], all priors known.
  RewardModelOptions options;
  options.kept = 1.0F;
  RewardModel model({2}, {.dim = 1}, /*covariates=*/0, options);
  const float states[] = {1.0F, -0.5F, 0.25F};
  const std::vector<std::vector<int>> chosen[] = {{{0}}, {{1}}, {{0}, {1}}};
  const std::vector<float> rewards[] = {{0.9F}, {0.2F}, {0.6F, 0.4F}};
  Eigen::MatrixXd phi(4, 6);
  Eigen::VectorXd y(4);
  int row = 0;
  for (int i = 0; i < 3; ++i) {
    model.Add({.state = Eigen::VectorXf::Constant(1, states[i]),
               .covariates = Eigen::VectorXf(),
               .choices = chosen[i],
               .rewards = rewards[i]});
    for (size_t j = 0; j < chosen[i].size(); ++j, ++row) {
      const double a = chosen[i][j][0] == 0 ? 1.0 : 0.0;
      phi.row(row) << 1, states[i], a, a * states[i], 1 - a,
          (1 - a) * states[i];
      y[row] = rewards[i][j];
    }
  }
  model.Fit(/*steps=*/0);
  const double center = y.mean();
  Eigen::VectorXd deviations(6);
  deviations << 10, 0.5, 0.3, 0.3, 0.3, 0.3;
  Eigen::MatrixXd precision = phi.transpose() * phi;
  precision += deviations.array().square().inverse().matrix().asDiagonal();
  const Eigen::VectorXd weights =
      precision.inverse() * phi.transpose() * (y.array() - center).matrix();
  EXPECT_NEAR(model.mean().mean, center + weights[0], 1e-5);
  EXPECT_NEAR(model.mean().user[0], weights[1], 1e-5);
  EXPECT_NEAR(model.mean().common[0], weights[2], 1e-5);
  EXPECT_NEAR(model.mean().personal(0, 0), weights[3], 1e-5);
  EXPECT_NEAR(model.mean().common[1], weights[4], 1e-5);
  EXPECT_NEAR(model.mean().personal(1, 0), weights[5], 1e-5);
  // Variance of the difference of the two options at x = 2.
  Eigen::VectorXd difference(6);
  difference << 0, 0, 1, 2, -1, -2;
  const double variance = std::pow(model.noise(), 2) *
                          difference.dot(precision.inverse() * difference);
  const Eigen::VectorXf at = Eigen::VectorXf::Constant(1, 2.0F);
  const RewardModel::Term terms[] = {{at, {0}, 1.0F}, {at, {1}, -1.0F}};
  EXPECT_NEAR(model.Variance(terms), variance, 1e-5);
  // Draws scatter so around the mean.
  policy::Rng rng(kSeed, 1);
  double squares = 0.0;
  const std::vector<RewardWeights> draws = model.Draw(4000, rng);
  for (const RewardWeights& draw : draws) {
    const Eigen::VectorXf off = draw.Scores(at) - model.mean().Scores(at);
    squares += std::pow(off[0] - off[1], 2) / 4000.0;
  }
  EXPECT_NEAR(squares / variance, 1.0, 0.1) << "seed " << kSeed;
}

TEST(RewardModelTest, RecoversKnownEffects) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  RewardModel model(kOptions, {.dim = kDim}, /*covariates=*/0, {});
  for (int round = 1; round <= 6; ++round) {
    AddCases(model, 100, 1.0F, /*personal=*/true, round);
    model.Fit(2);
  }
  EXPECT_NEAR(model.noise(), 0.2F, 0.03F);
  EXPECT_NEAR(model.task_scale(), 1.0F, 0.35F);
  const RewardWeights& mean = model.mean();
  EXPECT_NEAR(mean.common[1] - mean.common[0], 0.1F, 0.05F);
  EXPECT_NEAR(mean.personal(2, 0) - mean.personal(0, 0), 0.2F, 0.06F);
  EXPECT_NEAR(mean.common[4] - mean.common[3], -0.08F, 0.04F);
  // Users differ in the first pattern, and there along x[0].
  const Eigen::MatrixXf& columns = model.column_scale();
  EXPECT_GT(columns(0, 0), 2.0F * columns(1, 0));
  EXPECT_EQ(columns.maxCoeff(), columns(0, 0));
}

TEST(RewardModelTest, FindsTheDirectionAlongWhichEmbeddingsMatter) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  RewardModel model(kOptions, {.dim = kDim, .embedding = kDim},
                    /*covariates=*/0, {});
  for (int round = 1; round <= 6; ++round) {
    AddCases(model, 100, 1.0F, /*personal=*/true, round);
    model.Fit(2);
  }
  const RewardWeights& mean = model.mean();
  EXPECT_NEAR(mean.personal(2, 0) - mean.personal(0, 0), 0.2F, 0.06F);
  EXPECT_GT(model.personal_scale()[0], 2.0F * model.personal_scale()[1]);
  EXPECT_GT(model.directions()(0, 0), 0.3F);
  EXPECT_EQ(model.directions().diagonal().maxCoeff(), model.directions()(0, 0));
}

TEST(RewardModelTest, WithoutPersonalEffectsTheBestFixedChoiceIsEveryonesBest) {
  // One world in ten is unlucky, so of ten worlds.
  SCOPED_TRACE(::testing::Message()
               << "seeds " << kSeed << " to " << kSeed + 9);
  const JointChoices joint(kOptions);
  int best = 0;
  float personal = 0.0F;
  for (uint64_t seed = kSeed; seed < kSeed + 10; ++seed) {
    RewardModel model(kOptions, {.dim = kDim}, /*covariates=*/0, {});
    for (int round = 1; round <= 6; ++round) {
      AddCases(model, 100, 1.0F, /*personal=*/false, 20 + round, seed);
      model.Fit(2);
    }
    personal += model.mean().personal.cwiseAbs().maxCoeff() / 10.0F;
    policy::Rng rng(seed, 30);
    for (int i = 0; i < 200; ++i) {
      best += joint.BestWithPairs(model.mean().Scores(RandomState(rng)),
                                  model.mean().pair) == std::vector<int>{1, 0};
    }
  }
  EXPECT_GE(best, 1860) << "of 2000";
  // Without empirical Bayes, 0.017.
  EXPECT_LT(personal, 0.016F);
}

TEST(RewardModelTest, MakesLittleOfPureNoise) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  RewardModel model(kOptions, {.dim = kDim}, /*covariates=*/0, {});
  for (int round = 1; round <= 6; ++round) {
    AddCases(model, 50, 0.0F, /*personal=*/false, 40 + round);
    model.Fit(2);
  }
  EXPECT_LT(model.mean().personal.cwiseAbs().maxCoeff(), 0.03F);
  EXPECT_LT(model.mean().common.cwiseAbs().maxCoeff(), 0.03F);
}

TEST(JointChoicesTest, FindsTheBestOfAllChoices) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const std::vector<int> options = {3, 2, 4};
  const JointChoices joint(options);
  policy::Rng rng(kSeed, 50);
  for (int trial = 0; trial < 20; ++trial) {
    Eigen::VectorXf scores(9);
    for (float& x : scores) x = static_cast<float>(Normal(rng));
    Eigen::MatrixXf pair = Eigen::MatrixXf::Zero(9, 9);
    const int pattern[] = {0, 0, 0, 1, 1, 2, 2, 2, 2};
    for (int a = 0; a < 9; ++a) {
      for (int b = 0; b < a; ++b) {
        if (pattern[a] == pattern[b]) continue;
        pair(a, b) = pair(b, a) = static_cast<float>(Normal(rng));
      }
    }
    std::vector<int> best;
    float most = -1e9F;
    for (int a = 0; a < 3; ++a) {
      for (int b = 0; b < 2; ++b) {
        for (int c = 0; c < 4; ++c) {
          const float value = scores[a] + scores[3 + b] + scores[5 + c] +
                              pair(a, 3 + b) + pair(a, 5 + c) +
                              pair(3 + b, 5 + c);
          if (value > most) {
            most = value;
            best = {a, b, c};
          }
        }
      }
    }
    EXPECT_EQ(joint.BestWithPairs(scores, pair), best);
  }
}

TEST(LeaveOneOutTest, TakesOutTheMeanOfTheOthersOfTheTask) {
  // (1, 2, 6) are of one task, 5 is alone.
  EXPECT_THAT(LeaveOneOut({1.0F, 2.0F, 6.0F, 5.0F}, {7, 7, 7, 9}),
              ElementsAre(FloatEq(1.0F - 4.0F), FloatEq(2.0F - 3.5F),
                          FloatEq(6.0F - 1.5F), FloatEq(5.0F)));
}

}  // namespace
}  // namespace attune::trainer
