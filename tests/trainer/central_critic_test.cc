// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/central_critic.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/random.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kSeed = 77;
constexpr int kDim = 4;
const std::vector<int> kOptions = {3, 2};

// States of mean 0 and deviation 1, options at random.
CriticSamples RandomSamples(int count, policy::Rng& rng) {
  CriticSamples samples;
  samples.x.resize(count, kDim);
  for (float& x : samples.x.reshaped()) x = static_cast<float>(Normal(rng));
  samples.options.resize(count, 2);
  for (int i = 0; i < count; ++i) {
    samples.options(i, 0) = static_cast<int>(rng.Below(3));
    samples.options(i, 1) = static_cast<int>(rng.Below(2));
  }
  samples.ease.setZero(count);
  samples.rewards.setZero(count);
  return samples;
}

// What the critic should find: option 1 of the first pattern is better for
// everybody, option 2 for users whose x[0] is large, and option 1 of the second
// pattern is worse for everybody. Users with a large x[3] are easy.
float Truth(const Eigen::VectorXf& x, const Eigen::VectorXi& options) {
  float value = 0.5F + 0.05F * x[3];
  if (options[0] == 1) value += 0.1F;
  if (options[0] == 2) value += 0.2F * x[0];
  if (options[1] == 1) value -= 0.08F;
  return value;
}

CriticSamples TrueSamples(int count, double noise, uint64_t stream) {
  policy::Rng rng(kSeed, stream);
  CriticSamples samples = RandomSamples(count, rng);
  for (int i = 0; i < count; ++i) {
    samples.rewards[i] =
        Truth(samples.x.row(i).transpose(), samples.options.row(i).transpose());
    samples.rewards[i] += static_cast<float>(noise * Normal(rng));
  }
  return samples;
}

CentralCritic Fitted(const CriticSamples& samples) {
  CentralCritic critic(kOptions, kDim);
  // As a learner does that fits again and again.
  for (int i = 0; i < 5; ++i) critic.ChoosePriors(samples);
  critic.Fit(samples);
  return critic;
}

TEST(CentralCriticTest, IsZeroBeforeItIsFitted) {
  const CentralCritic critic(kOptions, kDim);
  const Eigen::VectorXf x = Eigen::VectorXf::Ones(kDim);
  EXPECT_EQ(critic.Value(x, Eigen::Vector2i(2, 1)), 0.0F);
  EXPECT_EQ(critic.Counterfactual(0, x, Eigen::Vector2i(2, 1)),
            Eigen::VectorXf::Zero(3));
}

TEST(CentralCriticTest, RecoversKnownEffects) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const CentralCritic critic = Fitted(TrueSamples(1200, 0.2, /*stream=*/1));
  const CriticSamples fresh = TrueSamples(500, 0.0, /*stream=*/2);
  double squared = 0.0;
  double variance = 0.0;
  for (Eigen::Index i = 0; i < fresh.rewards.size(); ++i) {
    const float value = critic.Value(fresh.x.row(i).transpose(),
                                     fresh.options.row(i).transpose());
    squared += std::pow(value - fresh.rewards[i], 2);
    variance += std::pow(fresh.rewards[i] - fresh.rewards.mean(), 2);
  }
  EXPECT_LT(squared, 0.1 * variance);
  EXPECT_NEAR(critic.noise(), 0.2F, 0.03F);
}

TEST(CentralCriticTest, CounterfactualsAreDifferencesOfValues) {
  const CentralCritic critic = Fitted(TrueSamples(600, 0.2, /*stream=*/3));
  policy::Rng rng(kSeed, 4);
  const CriticSamples fresh = RandomSamples(50, rng);
  for (Eigen::Index i = 0; i < 50; ++i) {
    const Eigen::VectorXf x = fresh.x.row(i);
    Eigen::VectorXi options = fresh.options.row(i);
    for (int k = 0; k < 2; ++k) {
      const Eigen::VectorXf q = critic.Counterfactual(k, x, options);
      ASSERT_EQ(q.size(), kOptions[k]);
      Eigen::VectorXi changed = options;
      changed[k] = 0;
      const float at_zero = critic.Value(x, changed);
      for (int a = 1; a < kOptions[k]; ++a) {
        changed[k] = a;
        EXPECT_NEAR(critic.Value(x, changed) - at_zero, q[a] - q[0], 1e-5F);
      }
    }
  }
}

TEST(CentralCriticTest, FindsWhoseOptionIsBest) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const CentralCritic critic = Fitted(TrueSamples(1200, 0.2, /*stream=*/5));
  Eigen::VectorXf x = Eigen::VectorXf::Zero(kDim);
  int best = 0;
  x[0] = 1.5F;
  critic.Counterfactual(0, x, Eigen::Vector2i(0, 0)).maxCoeff(&best);
  EXPECT_EQ(best, 2);
  x[0] = -1.5F;
  critic.Counterfactual(0, x, Eigen::Vector2i(0, 0)).maxCoeff(&best);
  EXPECT_EQ(best, 1);
}

TEST(CentralCriticTest, MakesLittleOfPureNoise) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  policy::Rng rng(kSeed, 6);
  CriticSamples samples = RandomSamples(600, rng);
  for (float& reward : samples.rewards) {
    reward = static_cast<float>(0.5 + 0.3 * Normal(rng));
  }
  const CentralCritic critic = Fitted(samples);
  EXPECT_LE(critic.priors().common.maxCoeff(), 0.1F);
  EXPECT_LE(critic.priors().personal.maxCoeff(), 0.1F);
  float personal = 0.0F;
  for (Eigen::Index i = 0; i < 600; ++i) {
    const Eigen::VectorXf x = samples.x.row(i);
    const Eigen::VectorXf zero = Eigen::VectorXf::Zero(kDim);
    const Eigen::Vector2i options(0, 0);
    const Eigen::VectorXf effect = critic.Counterfactual(0, x, options) -
                                   critic.Counterfactual(0, zero, options);
    personal = std::max(personal, effect.cwiseAbs().maxCoeff());
  }
  // Against a noise of 0.3.
  EXPECT_LT(personal, 0.06F);
}

TEST(CentralCriticTest, BelievesInPersonalEffectsOnlyWhereThereAreSome) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const CriticPriors found =
      Fitted(TrueSamples(600, 0.2, /*stream=*/7)).priors();
  EXPECT_GE(found.personal[0], 0.2F);
  EXPECT_LE(found.personal[1], 0.1F);
  CriticSamples common = TrueSamples(600, 0.2, /*stream=*/8);
  common.x.col(0).setZero();
  policy::Rng rng(kSeed, 9);
  for (Eigen::Index i = 0; i < 600; ++i) {
    common.rewards[i] =
        Truth(common.x.row(i).transpose(), common.options.row(i).transpose()) +
        static_cast<float>(0.2 * Normal(rng));
  }
  EXPECT_LE(Fitted(common).priors().personal.maxCoeff(), 0.1F);
}

TEST(CentralCriticTest, EqualRewardsTeachNothing) {
  policy::Rng rng(kSeed, 10);
  CriticSamples samples = RandomSamples(20, rng);
  samples.rewards.setConstant(0.4F);
  const CentralCritic critic = Fitted(samples);
  EXPECT_FLOAT_EQ(
      critic.Value(Eigen::VectorXf::Ones(kDim), Eigen::Vector2i(1, 1)), 0.4F);
}

TEST(CentralCriticTest, IsTheSameAfterSaveAndLoad) {
  const CentralCritic critic = Fitted(TrueSamples(300, 0.2, /*stream=*/11));
  CentralCritic copy(kOptions, kDim);
  copy.Load(critic.Save());
  EXPECT_EQ(copy.Save(), critic.Save());
  EXPECT_EQ(copy.noise(), critic.noise());
  EXPECT_EQ(copy.priors().personal, critic.priors().personal);
  policy::Rng rng(kSeed, 12);
  const CriticSamples fresh = RandomSamples(20, rng);
  for (Eigen::Index i = 0; i < 20; ++i) {
    const Eigen::VectorXf x = fresh.x.row(i);
    const Eigen::VectorXi options = fresh.options.row(i);
    EXPECT_EQ(copy.Value(x, options), critic.Value(x, options));
    EXPECT_EQ(copy.Counterfactual(0, x, options),
              critic.Counterfactual(0, x, options));
  }
}

}  // namespace
}  // namespace attune::trainer
