// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What all learners promise, and what the bandit exports.

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/actor.h"
#include "policy/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/exported_actor.h"
#include "trainer/bandit.h"
#include "trainer/learner_health.h"
#include "trainer/linear_heads.h"
#include "trainer/normal.h"
#include "trainer/train_setup.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;

constexpr uint64_t kSeed = 20260302;
constexpr int kStateDim = 9;

policy::RowMajorMatrix RandomMatrix(int rows, int cols, policy::Rng& rng) {
  policy::RowMajorMatrix matrix(rows, cols);
  for (float& x : matrix.reshaped()) x = static_cast<float>(Normal(rng));
  return matrix;
}

NetworkSpec Spec() {
  policy::Rng rng(kSeed, 1);
  return {.state_dim = kStateDim,
          .patterns = {"history", "hint", "role"},
          .options_per_pattern = {4, 5, 3},
          .option_embeddings = RandomMatrix(12, 24, rng),
          .seed = kSeed};
}

// Rounds of 12 tasks of two choices. Column 2 of the states never varies.
std::vector<Sample> Round(int round, float effect) {
  policy::Rng rng(kSeed, 100 + round);
  std::vector<Sample> samples;
  for (int task = 0; task < 12; ++task) {
    Eigen::VectorXf state(kStateDim);
    for (float& x : state) x = 1.0F + 2.0F * rng.UnitFloat();
    state[2] = 0.5F;
    for (int choice = 0; choice < 2; ++choice) {
      const std::vector<int> options = {static_cast<int>(rng.Below(4)),
                                        static_cast<int>(rng.Below(5)),
                                        static_cast<int>(rng.Below(3))};
      float reward = 0.5F + 0.1F * static_cast<float>(Normal(rng));
      if (options[1] == 3) reward += effect * (state[0] - 2.0F);
      if (options[0] == 1) reward += 0.5F * std::abs(effect);
      samples.push_back({.state = state,
                         .options = options,
                         .probabilities = {0.25F, 0.2F, 0.33F},
                         .reward = reward,
                         .group = task});
    }
  }
  return samples;
}

TEST(LinearHeadsTest, TheActorSaysWhatTheScoresSay) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const NetworkSpec spec = Spec();
  policy::Rng rng(kSeed, 2);
  LinearScores scores{.state = RandomMatrix(12, kStateDim, rng),
                      .earlier = RandomMatrix(12, 12, rng),
                      .bias = RandomMatrix(12, 1, rng).col(0)};
  const Exported exported(spec, LinearHeads(spec, scores));
  const policy::Actor actor = exported.Actor();
  const int offsets[] = {0, 4, 9};
  for (int trial = 0; trial < 50; ++trial) {
    const Eigen::VectorXf state = RandomMatrix(kStateDim, 1, rng).col(0);
    const std::vector<int> options = {static_cast<int>(rng.Below(4)),
                                      static_cast<int>(rng.Below(5)), 0};
    for (int k = 0; k < 3; ++k) {
      const Eigen::VectorXf logits =
          actor.Logits(k, state, absl::MakeConstSpan(options).first(k));
      for (int a = 0; a < logits.size(); ++a) {
        const int row = offsets[k] + a;
        float expected = scores.state.row(row).dot(state) + scores.bias[row];
        for (int j = 0; j < k; ++j) {
          expected += scores.earlier(row, offsets[j] + options[j]);
        }
        EXPECT_NEAR(logits[a], expected, 1e-4F);
      }
    }
  }
}

TEST(BanditTest, ExportsThePosteriorsMeanAndPrefersItsBestChoice) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const NetworkSpec spec = Spec();
  Belief belief(spec.options_per_pattern, kStateDim, spec.item_dim, {});
  const auto bandit = MakeBanditLearner(spec, {});
  for (int round = 0; round < 8; ++round) {
    belief.Learn(Round(round, 0.2F));
    bandit->Update(Round(round, 0.2F));
  }
  const Exported exported(spec, bandit->ExportTensors());
  const policy::Actor actor = exported.Actor();
  const float temperature = BanditOptions().temperature;
  policy::Rng rng(kSeed, 3);
  for (const Sample& sample : Round(50, 0.2F)) {
    const Eigen::VectorXf scores =
        belief.model().mean().Scores(belief.Standardised(sample.state));
    // The last pattern has no later ones: its scores are the model's.
    const Eigen::VectorXf logits =
        actor.Logits(2, sample.state, {sample.options[0], sample.options[1]});
    const Eigen::MatrixXf& pair = belief.model().mean().pair;
    for (int a = 1; a < 3; ++a) {
      float expected = scores[9 + a] - scores[9];
      for (const int other : {sample.options[0], 4 + sample.options[1]}) {
        expected += pair(9 + a, other) - pair(9, other);
      }
      EXPECT_NEAR(temperature * (logits[a] - logits[0]), expected, 1e-4F);
    }
    const policy::Choice greedy =
        actor.Decide(sample.state, policy::DecisionMode::kGreedy, rng);
    // One pattern after the other loses little against all together.
    std::vector<int> served;
    for (const policy::PatternChoice& chosen : greedy.patterns) {
      served.push_back(chosen.option);
    }
    const Eigen::VectorXf x = belief.Standardised(sample.state);
    EXPECT_NEAR(belief.model().Value(x, served),
                belief.model().Value(x, belief.Best(sample.state)), 0.01F);
  }
}

TEST(BanditTest, KnowsWhatItsPolicyGains) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const auto learned = MakeBanditLearner(Spec(), {});
  const auto noise = MakeBanditLearner(Spec(), {});
  std::vector<Eigen::VectorXf> states;
  for (const Sample& sample : Round(60, 0.0F)) states.push_back(sample.state);
  for (int round = 0; round < 20; ++round) {
    learned->Update(Round(round, 0.3F));
    noise->Update(Round(round, 0.0F));
  }
  const auto gain = learned->EstimateGain(states);
  ASSERT_TRUE(gain.has_value());
  // Option 3 of the hint is worth 0.3 |x - 2| to half of the users, x in [1, 3]:
  // 0.3 * E max(x - 2, 0) = 0.075 over the better of the two for all.
  EXPECT_NEAR(gain->mean, 0.075, 0.03);
  EXPECT_GT(gain->mean, 3.0 * gain->deviation);
  EXPECT_EQ(gain->state_deviation.size(), static_cast<int>(states.size()));
  const auto nothing = noise->EstimateGain(states);
  EXPECT_LT(nothing->mean, 2.0 * nothing->deviation + 1e-9);
}

TEST(BanditTest, ProposesDifferentChoicesForOneTask) {
  const auto bandit = MakeBanditLearner(Spec(), {});
  bandit->Update(Round(0, 0.2F));
  const std::vector<Eigen::VectorXf> states(2, Round(1, 0.2F)[0].state);
  const auto proposals = bandit->Propose(states, 3, /*seed=*/5);
  ASSERT_EQ(proposals.size(), 2u);
  for (const auto& of_task : proposals) {
    ASSERT_EQ(of_task.size(), 3u);
    EXPECT_NE(of_task[0].options, of_task[1].options);
    EXPECT_NE(of_task[0].options, of_task[2].options);
    EXPECT_NE(of_task[1].options, of_task[2].options);
  }
  const auto again = bandit->Propose(states, 3, /*seed=*/5);
  EXPECT_EQ(again[1][2].options, proposals[1][2].options);
}

class LearnersTest : public ::testing::TestWithParam<std::string> {
 protected:
  static std::unique_ptr<Learner> Make() {
    auto learner = MakeLearner(GetParam(), Spec());
    return learner.ok() ? *std::move(learner) : nullptr;
  }
};

TEST_P(LearnersTest, ARestoredLearnerGoesOnBitByBit) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const auto whole = Make();
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->name(), GetParam());
  for (int round = 0; round < 13; ++round) whole->Update(Round(round, 0.2F));
  const auto restored = Make();
  ASSERT_THAT(restored->LoadState(whole->SaveState()), IsOk());
  EXPECT_EQ(restored->SaveState(), whole->SaveState());
  for (int round = 13; round < 20; ++round) {
    whole->Update(Round(round, 0.2F));
    restored->Update(Round(round, 0.2F));
  }
  EXPECT_EQ(restored->SaveState(), whole->SaveState());
  const auto expected = whole->ExportTensors();
  const auto actual = restored->ExportTensors();
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(actual[i].values, expected[i].values) << expected[i].name;
  }
}

TEST_P(LearnersTest, AFreshLearnersStateCanBeRestored) {
  EXPECT_THAT(Make()->LoadState(Make()->SaveState()), IsOk());
  EXPECT_THAT(Make()->LoadState("what is this"),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_P(LearnersTest, ARewardThatIsNoNumberIsAReasonToStop) {
  const auto learner = Make();
  for (int round = 0; round < 10; ++round) learner->Update(Round(round, 0.2F));
  EXPECT_THAT(learner->Health(), IsOk());
  for (int round = 10; round < 20; ++round) {
    std::vector<Sample> samples = Round(round, 0.2F);
    samples[0].reward = std::numeric_limits<float>::quiet_NaN();
    learner->Update(samples);
  }
  EXPECT_THAT(learner->Health(), StatusIs(absl::StatusCode::kInternal));
}

INSTANTIATE_TEST_SUITE_P(All, LearnersTest,
                         ::testing::Values("a2c", "bandit", "ppo",
                                           "rpp_published"),
                         [](const auto& info) { return info.param; });

TEST(CheckPolicyTest, StopsACollapsedPolicy) {
  // log 2 of log 2 + log 8 = 4 log 2.
  const double share = EntropyShare(
      {{"entropy.a", std::log(2.0)}, {"policy_loss", 3.0}, {"entropy.b", 0.0}},
      {2, 8});
  EXPECT_DOUBLE_EQ(share, 0.25);
  EXPECT_THAT(CheckPolicy(1.0, share, 0.2), IsOk());
  EXPECT_THAT(CheckPolicy(1.0, share, 0.3),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace attune::trainer
