// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/oracle_table.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::FivePatterns;
using ::attune::testing::IsOk;
using ::attune::testing::ScoreTargets;
using ::attune::testing::TargetTask;
using ::testing::ElementsAre;

constexpr uint64_t kSeed = 13;

TEST(OracleChoicesTest, FixedPromptsThenHintsThenWhatLearnersChoose) {
  MethodRun run{.name = "ppo"};
  run.outcomes.emplace_back(3);
  run.outcomes[0][0].options = {2, 2, 2, 2, 2};
  run.outcomes[0][1].options = {1, 1, 1, 1, 1};
  run.outcomes[0][2].options = {2, 2, 2, 2, 2};
  const std::vector<FixedOptions> fixed = {{0, 1, 0, 0, 0}, {0, 1, 0, 0, 0}};
  EXPECT_THAT(
      OracleChoices(*FivePatterns(), fixed, {run}, 6),
      ElementsAre(FixedOptions{0, 1, 0, 0, 0}, FixedOptions{0, 0, 0, 0, 0},
                  FixedOptions{0, 2, 0, 0, 0}, FixedOptions{2, 2, 2, 2, 2},
                  FixedOptions{1, 1, 1, 1, 1}, FixedOptions{1, 1, 0, 0, 0}));
  EXPECT_EQ(OracleChoices(*FivePatterns(), fixed, {run}, 2).size(), 2);
  // 1 + 2 hints + 2 learned + 2 options of each of 4 patterns.
  EXPECT_EQ(OracleChoices(*FivePatterns(), fixed, {run}, 100).size(), 13);
}

// Two users with two tasks each. Even users' targets are ranked first with hint
// 1 only, odd users' with hint 2 only.
class OracleTableTest : public ::testing::Test {
 protected:
  OracleTableTest()
      : policy_(policy::Policy::Uniform(FivePatterns(),
                                        policy::Readout::kLikelihood)),
        llm_([](const LlmRequest& request) {
          const std::string& title = request.prompt->displayed_titles[0];
          const int user = title.back() - '0';
          std::vector<float> scores = ScoreTargets(request);
          if (request.sim_options[1] != 1 + user % 2) {
            for (float& score : scores) score = -score;
          }
          return scores;
        }) {
    for (int user = 0; user < 6; ++user) {
      for (int draw = 0; draw < 2; ++draw) tasks_.push_back(TargetTask(user));
    }
  }

  OracleTable Fill(std::vector<FixedOptions> choices, int users) {
    auto table = FillOracleTable(policy_, std::move(choices), tasks_, users,
                                 llm_, {.run = {.seed = kSeed}});
    EXPECT_THAT(table, IsOk());
    return *std::move(table);
  }

  policy::Policy policy_;
  FakeLlm llm_;
  std::vector<Task> tasks_;
};

TEST_F(OracleTableTest, AsksSomeUsersEveryChoice) {
  const OracleTable table = Fill({{0, 1, 0, 0, 0}, {0, 2, 0, 0, 0}}, 4);
  EXPECT_EQ(llm_.calls(), 2 * 8);
  EXPECT_EQ(table.cost.llm_calls, 16);
  const std::vector<UserRewards> users = UserTables(tasks_, table, Slice::kAll);
  ASSERT_EQ(users.size(), 4);
  EXPECT_EQ(users[0].rows(), 2);
  EXPECT_EQ(users[0](0, 0), 1.0);
  EXPECT_LT(users[0](0, 1), 0.3);
  EXPECT_EQ(users[1](0, 1), 1.0);
  EXPECT_TRUE(UserTables(tasks_, table, Slice::kColdUsers).empty());
  const Headroom headroom = MeasureHeadroom(users, 0, kSeed);
  // Half of the users gain 1 - 1 / log2(11).
  EXPECT_NEAR(headroom.cross_fitted.mean, 0.5 * (1.0 - 0.28906), 1e-4);
}

TEST_F(OracleTableTest, TheOracleTakesEachUsersBest) {
  const OracleTable table = Fill({{0, 1, 0, 0, 0}, {0, 2, 0, 0, 0}}, 4);
  const MethodRun oracle = OracleRun(tasks_, table, {});
  EXPECT_EQ(oracle.kind, MethodKind::kOracle);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(oracle.outcomes[0][i].rank, 1);
  EXPECT_EQ(oracle.outcomes[0][8].rank, 0);
  const MethodSummary summary = Summarise(tasks_, oracle, kSeed);
  EXPECT_EQ(summary.slices[0].users, 4);
  EXPECT_EQ(summary.slices[0].ndcg_at_10.mean, 1.0);
}

// What a method got for a user counts too, so nothing that was run is above.
TEST_F(OracleTableTest, TheOracleIsNoWorseThanTheRuns) {
  const OracleTable table = Fill({{0, 1, 0, 0, 0}}, 6);
  MethodRun run{.name = "ppo", .kind = MethodKind::kLearner};
  run.outcomes.emplace_back(tasks_.size());
  for (Outcome& outcome : run.outcomes[0]) outcome.rank = 2;
  const MethodRun oracle = OracleRun(tasks_, table, {run});
  EXPECT_EQ(oracle.outcomes[0][0].rank, 1);
  EXPECT_EQ(oracle.outcomes[0][2].rank, 2);
}

TEST_F(OracleTableTest, EffectsAreAgainstThePatternsDefault) {
  const OracleTable table =
      Fill({{0, 1, 0, 0, 0}, {0, 0, 0, 0, 0}, {0, 2, 0, 0, 0}}, 6);
  const std::vector<NamedEffect> effects =
      EffectsOf(policy_.catalog(), tasks_, table, kSeed);
  ASSERT_EQ(effects.size(), 2);
  EXPECT_EQ(effects[0].pattern, "hint");
  EXPECT_EQ(effects[0].option, "o1");
  EXPECT_NEAR(effects[0].effect.mean, 0.5 * (1.0 - 0.28906), 1e-4);
  EXPECT_GT(effects[0].effect.between_user_deviation, 0.3);
}

}  // namespace
}  // namespace attune::trainer
