// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/study.h"

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "tests/trainer/fake_llm.h"
#include "trainer/evaluation.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FivePatterns;
using ::attune::testing::TargetTask;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 11;

// `draws` tasks of each user; user 0 is cold.
std::vector<Task> TasksOf(int users, int draws) {
  std::vector<Task> tasks;
  for (int user = 0; user < users; ++user) {
    for (int draw = 0; draw < draws; ++draw) {
      Task& task = tasks.emplace_back(TargetTask(user));
      task.slices.cold_user = user == 0;
    }
  }
  return tasks;
}

// Ranks by seed and task; 0: the LLM failed.
MethodRun RunOf(const std::string& name,
                const std::vector<std::vector<int>>& ranks) {
  MethodRun run{.name = name, .kind = MethodKind::kLearner};
  for (const std::vector<int>& seed : ranks) {
    std::vector<Outcome>& outcomes = run.outcomes.emplace_back();
    for (const int rank : seed) {
      outcomes.emplace_back().rank = rank;
      if (rank == 0) outcomes.back().status = absl::UnavailableError("down");
    }
    CountOutcomes(outcomes, run.cost);
  }
  return run;
}

// User 0: ranks 1 and 3, (1 + 0.5) / 2; user 1: rank 1 and a fault; user 2: both
// failed.
TEST(StudyTest, AveragesTheTasksOfAUserFirst) {
  const std::vector<Task> tasks = TasksOf(3, 2);
  const MethodRun run = RunOf("m", {{1, 3, 1, 0, 0, 0}});
  const SeedTable table =
      PerUser(tasks, 1, Slice::kAll,
              [&](size_t s, size_t i) { return NdcgOf(run.outcomes[s][i]); });
  ASSERT_EQ(table.rows(), 3);
  EXPECT_DOUBLE_EQ(table(0, 0), 0.75);
  EXPECT_DOUBLE_EQ(table(1, 0), 1.0);
  EXPECT_TRUE(std::isnan(table(2, 0)));
  const MethodSummary summary = Summarise(tasks, run, kSeed);
  EXPECT_DOUBLE_EQ(summary.slices[0].ndcg_at_10.mean, 0.875);
  EXPECT_EQ(summary.slices[0].users, 2);
  EXPECT_EQ(summary.slices[0].tasks, 3);
  EXPECT_EQ(summary.cost.dropped, 3);
  EXPECT_EQ(summary.cost.llm_calls, 6);
}

TEST(StudyTest, SlicesHoldTheirTasksOnly) {
  const MethodSummary summary =
      Summarise(TasksOf(3, 1), RunOf("m", {{3, 1, 1}}), kSeed);
  EXPECT_EQ(summary.slices[1].slice, Slice::kColdUsers);
  EXPECT_EQ(summary.slices[1].users, 1);
  EXPECT_DOUBLE_EQ(summary.slices[1].ndcg_at_10.mean, 0.5);
  EXPECT_EQ(summary.slices[2].users, 0);
}

// Task 1 failed for the baseline, so it does not count for the method either.
TEST(StudyTest, PairsTasksThatBothHave) {
  const std::vector<Task> tasks = TasksOf(2, 2);
  const SeedTable difference =
      PairedNdcg(tasks, RunOf("a", {{1, 10, 1, 1}}), RunOf("b", {{3, 0, 1, 3}}),
                 Slice::kAll);
  EXPECT_DOUBLE_EQ(difference(0, 0), 0.5);
  EXPECT_DOUBLE_EQ(difference(1, 0), 0.25);
}

TEST(StudyTest, ASeedlessBaselineMeetsEverySeed) {
  const SeedTable difference = PairedNdcg(TasksOf(1, 1), RunOf("a", {{1}, {3}}),
                                          RunOf("b", {{3}}), Slice::kAll);
  ASSERT_EQ(difference.cols(), 2);
  EXPECT_DOUBLE_EQ(difference(0, 0), 0.5);
  EXPECT_DOUBLE_EQ(difference(0, 1), 0.0);
}

TEST(StudyTest, ComparesPromptsAndLearnersAndCorrectsForTheirNumber) {
  const std::vector<Task> tasks = TasksOf(40, 1);
  const auto all = [](int rank) { return std::vector<int>(40, rank); };
  std::vector<MethodRun> runs = {
      RunOf("best_fixed", {all(3)}), RunOf("good", {all(1)}),
      RunOf("same", {all(3)}), RunOf("scorer", {all(1)})};
  runs[3].kind = MethodKind::kScorer;
  const auto comparisons =
      Compare(tasks, runs, {"best_fixed", "absent"}, kSeed);
  // Two methods on two slices that have tasks.
  ASSERT_EQ(comparisons.size(), 4);
  EXPECT_EQ(comparisons[0].method, "good");
  EXPECT_DOUBLE_EQ(comparisons[0].difference.low, 0.5);
  EXPECT_NEAR(comparisons[0].p, 2.0 / 10001.0, 1e-12);
  EXPECT_DOUBLE_EQ(comparisons[0].p_holm, 2.0 * comparisons[0].p);
  EXPECT_EQ(comparisons[1].p_holm, 1.0);
}

TEST(StudyTest, TheDropIsWhatOthersChoicesCost) {
  const std::vector<ShuffleDrop> drops = DropsOf(
      TasksOf(20, 1), RunOf("m", {std::vector<int>(20, 1)}),
      RunOf("m", {std::vector<int>(20, 3)}), ShuffleScope::kAllUsers, kSeed);
  ASSERT_FALSE(drops.empty());
  EXPECT_DOUBLE_EQ(drops[0].drop.mean, 0.5);
}

TEST(StudyTest, PositionCurveAveragesByDisplayedPosition) {
  std::vector<Task> tasks = TasksOf(3, 1);
  for (int i = 0; i < 3; ++i) {
    policy::Rng rng(kSeed);
    tasks[i].permutation = policy::Permutation::WithFixed(
        10, tasks[i].target, /*position=*/i == 2 ? 7 : 4, rng);
  }
  const auto curve = PositionCurve(tasks, RunOf("m", {{1, 3, 1}}));
  ASSERT_EQ(curve.size(), 2);
  EXPECT_EQ(curve[0].position, 4);
  EXPECT_DOUBLE_EQ(curve[0].ndcg_at_10, 0.75);
  EXPECT_EQ(curve[0].tasks, 2);
  EXPECT_EQ(curve[1].position, 7);
}

TEST(StudyTest, SharesOfOptionsByGroup) {
  MethodRun run = RunOf("m", {{1, 1, 1}});
  run.outcomes[0][0].options = {0, 1, 0, 0, 0};
  run.outcomes[0][1].options = {0, 1, 0, 0, 0};
  run.outcomes[0][2].options = {0, 2, 0, 0, 0};
  const std::vector<TaskTraits> traits = {
      {.history_length = 2}, {.history_length = 50}, {.history_length = 50}};
  const auto shares = ChoicesByGroup(*FivePatterns(), traits, run);
  int checked = 0;
  for (const ChoiceShares& one : shares) {
    if (one.pattern != "hint" || one.group_by != "history_length") continue;
    ++checked;
    ASSERT_EQ(one.shares.size(), 3);
    const bool short_history = one.group == "1-3";
    EXPECT_EQ(one.tasks, short_history ? 1 : 2);
    EXPECT_DOUBLE_EQ(one.shares[1].share, short_history ? 1.0 : 0.5);
    EXPECT_EQ(one.shares[1].option, "o1");
  }
  EXPECT_EQ(checked, 2);
}

TEST(EvaluationTest, SaysTheSameToPeopleAndPrograms) {
  const std::vector<Task> tasks = TasksOf(20, 1);
  Evaluation evaluation;
  evaluation.dataset = "toy";
  evaluation.catalog = FivePatterns();
  evaluation.seeds = {1};
  evaluation.methods = {
      Summarise(tasks, RunOf("ppo", {std::vector<int>(20, 3)}), kSeed)};
  evaluation.found = {{.method = "best_fixed", .options = {0, 1, 0, 0, 0}}};
  const std::string table = ToTable(evaluation);
  EXPECT_THAT(table, HasSubstr("ppo              0.500 [0.500, 0.500]"));
  EXPECT_THAT(table, HasSubstr("hint=o1"));
  const auto json = nlohmann::json::parse(ToJson(evaluation));
  EXPECT_EQ(json["schema"], "attune.evaluation/1");
  EXPECT_EQ(json["methods"][0]["kind"], "learner");
  EXPECT_EQ(json["methods"][0]["slices"]["all"]["ndcg_at_10"]["mean"], 0.5);
  EXPECT_EQ(json["methods"][0]["slices"]["cold_users"]["users"], 1);
  EXPECT_EQ(json["methods"][0]["cost"]["llm_calls"], 20);
  EXPECT_EQ(json["catalog"]["patterns"][1]["options"][2], "o2");
  for (const char* list :
       {"comparisons", "shuffle", "headroom", "option_effects", "ablations",
        "position_curve", "choices", "learning_curves"}) {
    EXPECT_TRUE(json[list].is_array()) << list;
  }
}

}  // namespace
}  // namespace attune::trainer
