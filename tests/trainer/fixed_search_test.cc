// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/fixed_search.h"

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "trainer/halving.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::FivePatterns;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::attune::testing::TargetTasks;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

int Spent(const std::vector<HalvingRound>& rounds) {
  int sum = 0;
  for (const HalvingRound& round : rounds) sum += round.prompts * round.tasks;
  return sum;
}

TEST(HalvingScheduleTest, HalvesAndSpendsEqualParts) {
  const auto rounds = HalvingSchedule(8, 240, 5, 1000);
  ASSERT_EQ(rounds.size(), 3);
  EXPECT_EQ(rounds[0].prompts, 8);
  EXPECT_EQ(rounds[0].tasks, 10);
  EXPECT_EQ(rounds[1].prompts, 4);
  EXPECT_EQ(rounds[1].tasks, 20);
  EXPECT_EQ(rounds[2].prompts, 2);
  EXPECT_EQ(rounds[2].tasks, 40);
}

TEST(HalvingScheduleTest, SmallBudgetsTakeFewerPrompts) {
  const auto rounds = HalvingSchedule(30, 100, 5, 1000);
  EXPECT_LT(rounds[0].prompts, 10);
  EXPECT_GE(rounds[0].tasks, 5);
}

TEST(HalvingScheduleTest, NeverOverspendsAndNeverStarves) {
  for (int prompts = 1; prompts <= 40; ++prompts) {
    for (const int budget : {1, 7, 50, 300, 2000}) {
      const auto rounds = HalvingSchedule(prompts, budget, 5, 60);
      SCOPED_TRACE(absl::StrCat(prompts, " prompts, budget ", budget));
      ASSERT_FALSE(rounds.empty());
      EXPECT_LE(Spent(rounds), budget);
      int seen = 0;
      for (size_t i = 0; i < rounds.size(); ++i) {
        EXPECT_GE(rounds[i].tasks, 1);
        if (i > 0) {
          EXPECT_EQ(rounds[i].prompts, (rounds[i - 1].prompts + 1) / 2);
        }
        seen += rounds[i].tasks;
      }
      EXPECT_LE(seen, 60);
    }
  }
}

TEST(BetterHalfTest, RanksByMeanRoundingUp) {
  EXPECT_THAT(
      BetterHalf({{{0}, {0.5, 0.5}}, {{1}, {1.0, 0.2}}, {{2}, {0.9, 0.9}}}),
      ElementsAre(2, 1));
  EXPECT_THAT(BetterHalf({{{0}, {0.5}}, {{1}, {0.5}}}), ElementsAre(0));
}

// A prompt must not win because the LLM failed on its hard tasks.
TEST(BetterHalfTest, ComparesOnTasksThatAllAnswered) {
  EXPECT_THAT(BetterHalf({{{0}, {1.0, kNone}},
                          {{1}, {1.0, 0.3}},
                          {{2}, {0.9, 1.0}},
                          {{3}, {0.2, 1.0}}}),
              ElementsAre(0, 1));
}

TEST(SingleChangesTest, StartWithTheDefaultAndTheHints) {
  const auto changes = SingleChanges(*FivePatterns());
  ASSERT_EQ(changes.size(), 11);
  EXPECT_THAT(changes[0], ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(changes[1], ElementsAre(0, 1, 0, 0, 0));
  EXPECT_THAT(changes[2], ElementsAre(0, 2, 0, 0, 0));
  EXPECT_THAT(changes[3], ElementsAre(1, 0, 0, 0, 0));
  EXPECT_EQ(std::set<FixedOptions>(changes.begin(), changes.end()).size(), 11);
}

TEST(CombinationsTest, JoinChangesThatGained) {
  const std::vector<double> base(20, 0.4);
  const auto combinations = Combinations(
      *FivePatterns(), {{{0, 0, 0, 0, 0}, base},
                        {{0, 1, 0, 0, 0}, std::vector<double>(20, 0.6)},
                        {{0, 2, 0, 0, 0}, std::vector<double>(20, 0.5)},
                        {{1, 0, 0, 0, 0}, std::vector<double>(20, 0.45)},
                        {{0, 0, 0, 1, 0}, std::vector<double>(20, 0.3)}});
  EXPECT_THAT(
      combinations,
      ElementsAre(FixedOptions{0, 0, 0, 0, 0}, FixedOptions{0, 1, 0, 0, 0},
                  FixedOptions{1, 1, 0, 0, 0}, FixedOptions{0, 2, 0, 0, 0},
                  FixedOptions{1, 2, 0, 0, 0}));
}

TEST(CombinationsTest, TrustFewTasksLess) {
  // 0.2 on 40 tasks beats 0.3 on 4: 8.0 / 48 against 1.2 / 12.
  const std::vector<double> base(40, 0.4);
  const auto combinations = Combinations(
      *FivePatterns(), {{{0, 0, 0, 0, 0}, base},
                        {{0, 1, 0, 0, 0}, std::vector<double>(4, 0.7)},
                        {{0, 2, 0, 0, 0}, std::vector<double>(40, 0.6)}});
  EXPECT_THAT(combinations[1], ElementsAre(0, 2, 0, 0, 0));
}

TEST(CombinationsTest, KeepTheDefaultWhenNothingHelps) {
  EXPECT_THAT(Combinations(*FivePatterns(), {{{0, 0, 0, 0, 0}, {0.5}},
                                             {{0, 1, 0, 0, 0}, {0.4}}}),
              ElementsAre(FixedOptions{0, 0, 0, 0, 0}));
}

// Right with a probability that the options decide; noise otherwise.
std::vector<float> Noisy(const LlmRequest& request, const FixedOptions& best) {
  double skill = 0.1;
  for (size_t k = 0; k < best.size(); ++k) {
    skill += request.sim_options[k] == best[k] ? 0.17 : 0.0;
  }
  policy::Rng rng(request.seed ^
                  policy::Mix64(static_cast<uint64_t>(
                      request.sim_options[0] * 81 +
                      request.sim_options[1] * 27 + request.sim_options[2] * 9 +
                      request.sim_options[3] * 3 + request.sim_options[4])));
  if (rng.UnitDouble() < skill) return testing::ScoreTargets(request);
  std::vector<float> scores;
  for (int i = 0; i < 10; ++i) scores.push_back(rng.UnitFloat());
  return scores;
}

class FixedSearchTest : public ::testing::Test {
 protected:
  FixedSearchTest()
      : policy_(policy::Policy::Uniform(FivePatterns(),
                                        policy::Readout::kLikelihood)) {}
  policy::Policy policy_;
};

TEST_F(FixedSearchTest, FindsMostOfTheBestPrompt) {
  const FixedOptions best = {2, 1, 0, 0, 0};
  int agreeing = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    FakeLlm llm([&](const LlmRequest& r) { return Noisy(r, best); });
    const auto result = SearchFixedPrompt(policy_, llm, TargetTasks(2000),
                                          {.budget = 3000, .seed = seed});
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(llm.calls(), result->llm_rankings);
    EXPECT_LE(result->llm_rankings, 3000);
    EXPECT_GT(result->tasks, 50);
    for (size_t k = 0; k < best.size(); ++k) {
      agreeing += result->best[k] == best[k] ? 1 : 0;
    }
  }
  EXPECT_GE(agreeing, 22);  // of 25; nine by guessing
}

TEST_F(FixedSearchTest, StaysWithinASmallBudget) {
  FakeLlm llm([](const LlmRequest& r) { return Noisy(r, {0, 2, 0, 0, 0}); });
  const auto result =
      SearchFixedPrompt(policy_, llm, TargetTasks(40), {.budget = 60});
  ASSERT_THAT(result, IsOk());
  EXPECT_LE(llm.calls(), 60);
  EXPECT_GE(llm.calls(), 30);
}

TEST_F(FixedSearchTest, SurvivesFaultsAndCountsThem) {
  FakeLlm llm(
      [](const LlmRequest& r) {
        return Noisy(r, {0, 2, 0, 0, 0});
      },
      [](int call) {
        return call % 5 == 0 ? absl::UnavailableError("down")
                             : absl::OkStatus();
      });
  const auto result =
      SearchFixedPrompt(policy_, llm, TargetTasks(500), {.budget = 1000});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->dropped, (result->llm_rankings + 4) / 5);
  EXPECT_GT(result->mean, 0.4);
}

TEST_F(FixedSearchTest, GivesUpWhenTheLlmIsDown) {
  FakeLlm llm(testing::ScoreTargets,
              [](int) { return absl::UnavailableError("down"); });
  EXPECT_THAT(
      SearchFixedPrompt(policy_, llm, TargetTasks(100), {}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("every task")));
}

TEST_F(FixedSearchTest, RefusesOptionsOutOfRange) {
  FakeLlm llm(testing::ScoreTargets);
  EXPECT_THAT(
      SearchFixedPrompt(policy_, llm, {}, {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tasks: empty")));
  EXPECT_THAT(
      SearchFixedPrompt(policy_, llm, TargetTasks(1), {.budget = 0}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("budget")));
  EXPECT_THAT(
      SearchFixedPrompt(policy_, llm, TargetTasks(1), {.combine_share = 1.5}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("combine_share")));
}

}  // namespace
}  // namespace attune::trainer
