// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_world.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "policy/random.h"
#include "policy/ranking.h"
#include "tests/testing/status_matchers.h"
#include "trainer/sim_backend.h"

namespace attune::trainer {
namespace {

using ::attune::testing::StatusIs;

constexpr uint64_t kSeed = 9;

SimWorld SmallWorld() { return {{.users = 40, .seed = kSeed}, {3, 2, 4}}; }

int RankOf(const std::vector<float>& scores, int position) {
  return 1 + static_cast<int>(
                 std::count_if(scores.begin(), scores.end(),
                               [&](float s) { return s > scores[position]; }));
}

TEST(SimWorldTest, ExpectedRewardIsTheMeanOfManyAnswers) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const SimWorld world = SmallWorld();
  constexpr int kAnswers = 40000;
  for (const double quality : {-2.0, 0.0, 0.33, 1.5, 4.0}) {
    policy::Rng rng(kSeed, 1);
    double sum = 0.0;
    for (int i = 0; i < kAnswers; ++i) {
      const int position = i % 10;
      sum += policy::NdcgAt(
          10, RankOf(world.Answer(quality, position, rng), position));
    }
    // Deviation of one NDCG is below 0.33: four standard errors, and the
    // table's own error.
    EXPECT_NEAR(world.ExpectedReward(quality), sum / kAnswers, 0.0075)
        << "quality " << quality;
  }
}

TEST(SimWorldTest, AnUnhelpfulPromptRanksByChance) {
  // Uniform rank among ten: the mean of 1 / log2(1 + rank) is 0.4544.
  SimWorld world({.users = 4, .position_bias = 0.0, .seed = kSeed}, {2});
  EXPECT_NEAR(world.ExpectedReward(0.0), 0.4544, 1e-3);
}

TEST(SimWorldTest, BetterPromptsGetBetterRewards) {
  const SimWorld world = SmallWorld();
  for (double quality = -6.0; quality < 8.0; quality += 0.25) {
    EXPECT_LT(world.ExpectedReward(quality),
              world.ExpectedReward(quality + 0.25));
  }
  EXPECT_LE(world.ExpectedReward(1000.0), 1.0);
}

TEST(SimWorldTest, BoundsAreThoseOfBruteForce) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const SimWorld world = SmallWorld();
  const std::vector<int> users = {3, 17, 29};
  std::vector<double> best(users.size(), 0.0);
  double best_fixed = 0.0;
  double all = 0.0;
  int choices = 0;
  for (int a = 0; a < 3; ++a) {
    for (int b = 0; b < 2; ++b) {
      for (int c = 0; c < 4; ++c) {
        double sum = 0.0;
        for (size_t i = 0; i < users.size(); ++i) {
          const double reward =
              world.ExpectedReward(world.Quality(users[i], {a, b, c}));
          best[i] = std::max(best[i], reward);
          sum += reward;
        }
        best_fixed = std::max(best_fixed, sum / 3.0);
        all += sum / 3.0;
        ++choices;
      }
    }
  }
  const SimWorld::Bounds bounds = world.BoundsOf(users);
  EXPECT_EQ(choices, 24);
  EXPECT_NEAR(bounds.uniform, all / choices, 1e-12);
  EXPECT_NEAR(bounds.best_fixed, best_fixed, 1e-12);
  EXPECT_NEAR(bounds.optimum, (best[0] + best[1] + best[2]) / 3.0, 1e-12);
  EXPECT_NEAR(bounds.Normalised(bounds.uniform), 0.0, 1e-12);
  EXPECT_NEAR(bounds.Normalised(bounds.optimum), 1.0, 1e-12);
}

// Otherwise the simulator could not tell a learner that personalises from one
// that does not.
TEST(SimWorldTest, PersonalEffectsMatter) {
  std::vector<int> users(250);
  std::iota(users.begin(), users.end(), 750);
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const SimWorld world({.seed = seed}, {8, 6, 7, 5, 5});
    const SimWorld::Bounds bounds = world.BoundsOf(users);
    EXPECT_GT(bounds.best_fixed, bounds.uniform + 0.1);
    EXPECT_LT(bounds.Normalised(bounds.best_fixed), 0.85);
  }
}

TEST(SimWorldTest, IsAFunctionOfItsSeed) {
  const SimWorld one = SmallWorld();
  const SimWorld same = SmallWorld();
  const SimWorld other({.users = 40, .seed = kSeed + 1}, {3, 2, 4});
  EXPECT_EQ(one.Quality(5, {2, 1, 3}), same.Quality(5, {2, 1, 3}));
  EXPECT_NE(one.Quality(5, {2, 1, 3}), other.Quality(5, {2, 1, 3}));
  EXPECT_EQ(one.ItemTensors()[0].values, same.ItemTensors()[0].values);
}

TEST(SimWorldTest, OnlyTheDisplayedOrderOfATaskDependsOnTheDraw) {
  const SimWorld world = SmallWorld();
  const Task first = world.MakeTask(7, /*draw=*/0, /*ordinal=*/3);
  const Task second = world.MakeTask(7, /*draw=*/1, /*ordinal=*/3);
  ASSERT_EQ(first.candidates.size(), 10u);
  std::set<std::string> ids;
  for (size_t i = 0; i < first.candidates.size(); ++i) {
    EXPECT_EQ(first.candidates[i].id, second.candidates[i].id);
    ids.insert(first.candidates[i].id);
  }
  for (const policy::Item& item : first.history) {
    EXPECT_TRUE(ids.insert(item.id).second) << "a candidate was seen before";
  }
  EXPECT_EQ(world.PlaceOf(first.sim_task)->user, 7);
  EXPECT_EQ(world.PlaceOf(first.sim_task)->target_position, 3);
  EXPECT_EQ(world.PlaceOf(second.sim_task)->target_position, 4);
  EXPECT_EQ(first.permutation.CandidateAt(3), first.target);
}

TEST(SimWorldTest, TargetsAreDisplayedEverywhereEquallyOften) {
  const SimWorld world = SmallWorld();
  std::vector<int> counts(10, 0);
  for (int i = 0; i < 40; ++i) {
    ++counts[world.PlaceOf(world.MakeTask(i, 0, i).sim_task)->target_position];
  }
  EXPECT_THAT(counts, ::testing::Each(4));
}

TEST(SimWorldTest, KnowsWhatIsATaskAndAChoice) {
  const SimWorld world = SmallWorld();
  EXPECT_FALSE(world.PlaceOf(-1).has_value());
  EXPECT_FALSE(world.PlaceOf(int64_t{40} * policy::kMaxCandidates).has_value());
  EXPECT_FALSE(world.PlaceOf(10).has_value());
  EXPECT_TRUE(world.Fits({2, 1, 3}));
  EXPECT_FALSE(world.Fits({2, 1}));
  EXPECT_FALSE(world.Fits({2, 2, 3}));
  EXPECT_FALSE(world.Fits({-1, 1, 3}));
}

TEST(SimBackendTest, RefusesWhatIsNotATaskOfItsWorld) {
  const SimWorld world = SmallWorld();
  SimBackend backend(world);
  const policy::RenderedPrompt prompt;
  std::vector<LlmRequest> requests(3);
  for (LlmRequest& request : requests) {
    request.prompt = &prompt;
    request.sim_task = 0;
    request.sim_options = {0, 0, 0};
  }
  requests[0].sim_task = -1;
  requests[1].sim_options = {0, 0, 4};
  const auto answers = backend.Answer(requests);
  EXPECT_THAT(answers[0], StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(answers[1], StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_TRUE(answers[2].ok());
  EXPECT_EQ(answers[2]->usage.llm_calls, 1);
}

TEST(SimBackendTest, AnswersAreAFunctionOfTheRequestAndItsSeed) {
  const SimWorld world = SmallWorld();
  SimBackend backend(world);
  policy::RenderedPrompt prompt;
  prompt.readout = policy::Readout::kLikelihood;
  const auto ask = [&](uint64_t seed) {
    LlmRequest request;
    request.prompt = &prompt;
    request.seed = seed;
    request.sim_task = 4;
    request.sim_options = {1, 1, 2};
    return backend.Answer({request})[0].value().displayed_scores;
  };
  EXPECT_EQ(ask(1).size(), 10u);
  EXPECT_EQ(ask(1), ask(1));
  EXPECT_NE(ask(1), ask(2));
}

}  // namespace
}  // namespace attune::trainer
