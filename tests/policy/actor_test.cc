// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/actor.h"

#include <cmath>
#include <iostream>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace attune::policy {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Lt;

constexpr int kState = 4;
constexpr int kHidden = 6;
constexpr int kScore = 3;
constexpr int kEmbedding = 5;
const std::vector<int> kOptions = {3, 1, 4};

MatrixView View(const RowMajorMatrix& m) {
  return {m.data(), m.rows(), m.cols()};
}

// Heads with random weights that this object owns.
class RandomActor {
 public:
  RandomActor(HeadsKind kind, uint64_t seed, float floor = 0.05F) {
    Rng rng(seed);
    const auto random = [&](int rows, int cols) {
      return View(weights_.emplace_back(RowMajorMatrix::NullaryExpr(
          rows, cols, [&] { return 4.0F * rng.UnitFloat() - 2.0F; })));
    };
    weights_.reserve(64);
    const int inputs =
        kState + (kind == HeadsKind::kAutoregressive ? kEmbedding : 0);
    std::vector<HeadWeights> heads;
    for (const int options : kOptions) {
      heads.push_back({.w1 = random(kHidden, inputs),
                       .c1 = random(kHidden, 1),
                       .w2 = random(kScore, kHidden),
                       .c2 = random(kScore, 1),
                       .bias = random(options, 1)});
    }
    const MatrixView embeddings = random(8, kEmbedding);
    actor_ = std::make_unique<Actor>(HeadsSettings{.kind = kind,
                                                   .hidden = kHidden,
                                                   .score_dim = kScore,
                                                   .exploration_floor = floor},
                                     kOptions, std::move(heads), embeddings,
                                     random(kScore, kEmbedding));
  }
  const Actor* operator->() const { return actor_.get(); }

 private:
  std::vector<RowMajorMatrix> weights_;
  std::unique_ptr<Actor> actor_;
};

Eigen::VectorXf RandomState(uint64_t seed) {
  Rng rng(seed);
  return Eigen::VectorXf::NullaryExpr(
      kState, [&] { return 2.0F * rng.UnitFloat() - 1.0F; });
}

std::vector<int> OptionsOf(const Choice& choice) {
  std::vector<int> options;
  for (const PatternChoice& p : choice.patterns) options.push_back(p.option);
  return options;
}

// One head of two options by hand: x = (1, 2), relu(W1 x + c1) = (1.5, 0),
// f(x) = (3, 0.5), g(e) = e, logits = f / sqrt(2) + b.
class HandComputedActorTest : public ::testing::Test {
 protected:
  const float w1_[4] = {1.0F, 0.0F, 0.0F, -1.0F};
  const float c1_[2] = {0.5F, 1.0F};
  const float w2_[4] = {2.0F, 1.0F, 1.0F, 1.0F};
  const float c2_[2] = {0.0F, -1.0F};
  const float bias_[2] = {0.1F, -0.2F};
  const float identity_[4] = {1.0F, 0.0F, 0.0F, 1.0F};
  const Actor actor_{{.kind = HeadsKind::kIndependent,
                      .hidden = 2,
                      .score_dim = 2,
                      .exploration_floor = 0.1F},
                     {2},
                     {{.w1 = MatrixView(w1_, 2, 2),
                       .c1 = MatrixView(c1_, 2, 1),
                       .w2 = MatrixView(w2_, 2, 2),
                       .c2 = MatrixView(c2_, 2, 1),
                       .bias = MatrixView(bias_, 2, 1)}},
                     MatrixView(identity_, 2, 2),
                     MatrixView(identity_, 2, 2)};
  const Eigen::VectorXf state_ = Eigen::Vector2f(1.0F, 2.0F);
};

TEST_F(HandComputedActorTest, GivesTheLogits) {
  const Eigen::VectorXf logits = actor_.Logits(0, state_, {});
  ASSERT_EQ(logits.size(), 2);
  EXPECT_NEAR(logits[0], 2.2213203, 1e-6);
  EXPECT_NEAR(logits[1], 0.1535534, 1e-6);
}

TEST_F(HandComputedActorTest, MixesTheFloorIntoTheSoftmax) {
  const Eigen::VectorXf p = actor_.Probabilities(0, state_, {});
  const double softmax = 1.0 / (1.0 + std::exp(-2.0677669));
  EXPECT_NEAR(p[0], 0.9 * softmax + 0.05, 1e-6);
  EXPECT_NEAR(p[1], 0.9 * (1.0 - softmax) + 0.05, 1e-6);
}

class ActorKindTest : public ::testing::TestWithParam<HeadsKind> {};

TEST_P(ActorKindTest, ProbabilitiesSumToOneAndKeepTheFloor) {
  const RandomActor actor(GetParam(), 5, 0.2F);
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Eigen::VectorXf p = actor->Probabilities(
        2, RandomState(seed), {static_cast<int>(seed % 3), 0});
    EXPECT_NEAR(p.sum(), 1.0F, 1e-6F);
    EXPECT_GE(p.minCoeff(), 0.2F / 4.0F);
  }
}

TEST_P(ActorKindTest, ChoosesTheSameWithTheSameSeed) {
  const RandomActor actor(GetParam(), 5);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Rng first(seed);
    Rng second(seed);
    const Choice a =
        actor->Decide(RandomState(1), DecisionMode::kSample, first);
    const Choice b =
        actor->Decide(RandomState(1), DecisionMode::kSample, second);
    EXPECT_EQ(OptionsOf(a), OptionsOf(b));
  }
}

TEST_P(ActorKindTest, ReportsTheProbabilityItChoseWith) {
  const RandomActor actor(GetParam(), 6);
  Rng rng(3);
  for (int i = 0; i < 50; ++i) {
    const Eigen::VectorXf state = RandomState(i);
    const Choice choice = actor->Decide(state, DecisionMode::kSample, rng);
    const std::vector<int> options = OptionsOf(choice);
    for (int k = 0; k < 3; ++k) {
      const Eigen::VectorXf p = actor->Probabilities(
          k, state, absl::MakeConstSpan(options).subspan(0, k));
      EXPECT_FLOAT_EQ(choice.patterns[k].probability, p[options[k]]);
    }
  }
}

TEST_P(ActorKindTest, GreedyTakesTheMostProbableWithProbabilityOne) {
  const RandomActor actor(GetParam(), 8);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Eigen::VectorXf state = RandomState(seed);
    Rng rng(seed);
    const Choice choice = actor->Decide(state, DecisionMode::kGreedy, rng);
    const std::vector<int> options = OptionsOf(choice);
    for (int k = 0; k < 3; ++k) {
      const Eigen::VectorXf p = actor->Probabilities(
          k, state, absl::MakeConstSpan(options).subspan(0, k));
      EXPECT_EQ(p[options[k]], p.maxCoeff());
      EXPECT_EQ(choice.patterns[k].probability, 1.0F);
    }
  }
}

// Chi-square over all 12 joint options, against the product of the conditional
// probabilities.
TEST_P(ActorKindTest, SamplesAsOftenAsTheProbabilitiesSay) {
  constexpr uint64_t kSeed = 20261124;
  constexpr int kDraws = 40000;
  std::cout << "seed " << kSeed << "\n";
  const RandomActor actor(GetParam(), 9, 0.3F);
  const Eigen::VectorXf state = RandomState(2);
  std::vector<int> counts(12);
  Rng rng(kSeed);
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<int> options =
        OptionsOf(actor->Decide(state, DecisionMode::kSample, rng));
    ++counts[options[0] * 4 + options[2]];
  }
  double chi_square = 0.0;
  for (int a = 0; a < 3; ++a) {
    for (int c = 0; c < 4; ++c) {
      const double expected = kDraws * actor->Probabilities(0, state, {})[a] *
                              actor->Probabilities(2, state, {a, 0})[c];
      const double d = counts[a * 4 + c] - expected;
      chi_square += d * d / expected;
    }
  }
  // 11 degrees of freedom: 31.3 is exceeded once in a thousand seeds.
  EXPECT_LT(chi_square, 31.3);
}

TEST_P(ActorKindTest, FallsBackToUniformOnHugeStates) {
  const RandomActor actor(GetParam(), 5);
  const Eigen::VectorXf huge =
      Eigen::VectorXf::Constant(kState, std::numeric_limits<float>::max());
  const Eigen::VectorXf p = actor->Probabilities(0, huge, {});
  EXPECT_TRUE(p.allFinite());
  Rng rng(1);
  EXPECT_EQ(actor->Decide(huge, DecisionMode::kSample, rng).is_finite,
            GetParam() == HeadsKind::kUniform);
  EXPECT_TRUE(
      actor->Decide(Eigen::VectorXf::Ones(kState), DecisionMode::kSample, rng)
          .is_finite);
  EXPECT_NEAR(p.sum(), 1.0F, 1e-6F);
}

TEST_P(ActorKindTest, DrawsOncePerPatternToSampleAndNeverGreedily) {
  const RandomActor actor(GetParam(), 5);
  Rng used(1);
  Rng reference(1);
  actor->Decide(RandomState(1), DecisionMode::kSample, used);
  for (int k = 0; k < 3; ++k) reference();
  EXPECT_EQ(used(), reference());
  actor->Decide(RandomState(1), DecisionMode::kGreedy, used);
  EXPECT_EQ(used(), reference());
}

INSTANTIATE_TEST_SUITE_P(AllHeads, ActorKindTest,
                         ::testing::Values(HeadsKind::kUniform,
                                           HeadsKind::kIndependent,
                                           HeadsKind::kAutoregressive));

TEST(ActorTest, AutoregressiveHeadsSeeEarlierOptions) {
  const RandomActor actor(HeadsKind::kAutoregressive, 5);
  const Eigen::VectorXf state = RandomState(1);
  EXPECT_NE(actor->Logits(2, state, {0, 0}), actor->Logits(2, state, {1, 0}));
}

TEST(ActorTest, IndependentHeadsDoNotSeeEarlierOptions) {
  const RandomActor actor(HeadsKind::kIndependent, 5);
  const Eigen::VectorXf state = RandomState(1);
  EXPECT_EQ(actor->Logits(2, state, {0, 0}), actor->Logits(2, state, {1, 0}));
}

TEST(ActorTest, UniformHeadsGiveEveryOptionTheSameProbability) {
  const Actor actor({4, 2});
  const Eigen::VectorXf p = actor.Probabilities(0, RandomState(1), {});
  ASSERT_EQ(p.size(), 4);
  EXPECT_EQ(p, Eigen::VectorXf::Constant(4, 0.25F));
  EXPECT_EQ(actor.option_offsets()[1], 4);
}

TEST(ActorTest, GreedyTakesTheFirstOnATie) {
  Rng rng(1);
  const Choice choice =
      Actor({4, 2}).Decide(RandomState(1), DecisionMode::kGreedy, rng);
  EXPECT_EQ(OptionsOf(choice), (std::vector<int>{0, 0}));
}

TEST(ActorTest, NeverSamplesWhatHasNoProbability) {
  const float bias[3] = {0.0F, -200.0F, 0.0F};
  const RowMajorMatrix zero = RowMajorMatrix::Zero(3, 3);
  const MatrixView row(zero.data(), 1, 3);
  const Actor actor({.kind = HeadsKind::kIndependent,
                     .hidden = 1,
                     .score_dim = 1,
                     .exploration_floor = 0.0F},
                    {3},
                    {{.w1 = MatrixView(zero.data(), 1, kState),
                      .c1 = MatrixView(zero.data(), 1, 1),
                      .w2 = MatrixView(zero.data(), 1, 1),
                      .c2 = MatrixView(zero.data(), 1, 1),
                      .bias = MatrixView(bias, 3, 1)}},
                    View(zero), row);
  Rng rng(4);
  int last = 0;
  for (int i = 0; i < 1000; ++i) {
    const Choice choice =
        actor.Decide(RandomState(1), DecisionMode::kSample, rng);
    ASSERT_NE(choice.patterns[0].option, 1);
    last += choice.patterns[0].option == 2 ? 1 : 0;
  }
  EXPECT_GT(last, 400);
}

}  // namespace
}  // namespace attune::policy
