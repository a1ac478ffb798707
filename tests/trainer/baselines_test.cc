// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/baselines.h"

#include <cmath>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "tests/trainer/sample_dataset.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FivePatterns;
using ::attune::testing::IsOk;
using ::attune::testing::TargetTasks;
using ::attune::testing::TwoTastes;
using ::testing::ElementsAre;
using ::testing::FloatEq;

constexpr uint64_t kSeed = 13;

// Train users and what they touched; one more item each as target, item 9.
Dataset Touched(const std::vector<std::vector<int>>& users) {
  Dataset dataset;
  for (int i = 0; i < 10; ++i) {
    policy::Item item;
    item.id = item.title = std::to_string(i);
    dataset.items.push_back(item);
  }
  for (const std::vector<int>& items : users) {
    User user;
    for (const int item : items) user.history.push_back({item, 1.0F, 1});
    user.targets = {{9, 1.0F, 2}};
    dataset.users.push_back(std::move(user));
  }
  return dataset;
}

Task TaskOf(const std::vector<std::string>& history,
            const std::vector<std::string>& candidates) {
  Task task;
  for (const std::string& id : history) {
    task.history.emplace_back().id = id;
  }
  for (const std::string& id : candidates) {
    task.candidates.emplace_back().id = id;
  }
  task.permutation =
      policy::Permutation::Identity(static_cast<int>(candidates.size()));
  return task;
}

double MeanReward(const Scorer& scorer, const std::vector<Task>& tasks) {
  double sum = 0.0;
  for (const Task& task : tasks) {
    const auto ranking = RankTask(scorer, task);
    EXPECT_THAT(ranking, IsOk());
    sum += Reward(task, *ranking);
  }
  return sum / static_cast<double>(tasks.size());
}

TEST(PopularityScorerTest, CountsTrainInteractions) {
  const auto scorer = MakePopularityScorer(Touched({{0, 1}, {0, 2}, {0, 1}}));
  EXPECT_EQ(scorer->name(), "popularity");
  EXPECT_THAT(*scorer->Score(TaskOf({"3"}, {"2", "0", "9", "unknown", "1"})),
              ElementsAre(1.0F, 3.0F, 0.0F, 0.0F, 2.0F));
}

TEST(ItemKnnScorerTest, SumsDecayedCosines) {
  // Users of 0: a, b, c; of 1: a, c; of 2: b; of 3: c.
  const auto scorer =
      MakeItemKnnScorer(Touched({{0, 1}, {0, 2}, {0, 1, 3}}), 0.5F);
  EXPECT_EQ(scorer->name(), "item_knn");
  const float zero_one = 2.0F / std::sqrt(6.0F);
  const float three_one = 1.0F / std::sqrt(2.0F);
  EXPECT_THAT(*scorer->Score(TaskOf({"3", "0"}, {"1", "2", "9", "unknown"})),
              ElementsAre(FloatEq(zero_one + 0.5F * three_one),
                          FloatEq(1.0F / std::sqrt(3.0F)), 0.0F, 0.0F));
}

TEST(RandomScorerTest, IsAFunctionOfSeedUserAndCandidate) {
  Task task = TaskOf({"1"}, {"2", "3", "4"});
  const auto scores = *MakeRandomScorer(1)->Score(task);
  EXPECT_EQ(scores, *MakeRandomScorer(1)->Score(task));
  EXPECT_NE(scores, *MakeRandomScorer(2)->Score(task));
  EXPECT_EQ(std::set<float>(scores.begin(), scores.end()).size(), 3);
  task.user = 5;
  EXPECT_NE(scores, *MakeRandomScorer(1)->Score(task));
}

TEST(RandomScorerTest, ScoresChance) {
  EXPECT_NEAR(MeanReward(*MakeRandomScorer(kSeed), TargetTasks(10000)),
              policy::RandomNdcgAt(10, 10), 0.01);
}

TEST(RankTaskTest, BreaksTiesByTheDisplayedOrder) {
  const auto scorer = MakePopularityScorer(Touched({{0}}));
  Task task = TaskOf({"1"}, {"2", "0", "3"});
  policy::Rng rng(kSeed);
  task.permutation = policy::Permutation::WithFixed(3, 2, 0, rng);
  const auto ranking = RankTask(*scorer, task);
  ASSERT_THAT(ranking, IsOk());
  EXPECT_THAT(ranking->candidates, ElementsAre(1, 2, 0));
}

// Stratified positions make a scorer without an opinion score chance, exactly.
TEST(RankTaskTest, NoOpinionScoresChance) {
  const auto scorer = MakePopularityScorer(Touched({}));
  EXPECT_NEAR(MeanReward(*scorer, TargetTasks(100)),
              policy::RandomNdcgAt(10, 10), 1e-6);
}

TEST(FoldInScorerTest, SpeaksOfThePolicysScores) {
  const policy::Policy policy =
      policy::Policy::Uniform(FivePatterns(), policy::Readout::kLikelihood);
  const Task task = TargetTasks(1)[0];
  const auto scorer = MakeFoldInScorer(policy);
  EXPECT_EQ(scorer->name(), "lightgcn");
  const auto scores = scorer->Score(task);
  ASSERT_THAT(scores, IsOk());
  // No item table: every candidate is unknown.
  EXPECT_THAT(*scores, ::testing::Each(0.0F));
  EXPECT_EQ(scores->size(), 10);
}

TEST(FoldInScorerTest, PassesOnTheEncodersError) {
  const policy::Policy policy =
      policy::Policy::Uniform(FivePatterns(), policy::Readout::kLikelihood);
  Task task = TargetTasks(1)[0];
  task.history.clear();
  EXPECT_EQ(MakeFoldInScorer(policy)->Score(task).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(BaselinesTest, LearnTheTwoTastes) {
  const Dataset dataset = TwoTastes(kSeed, {.users = 200, .items = 80});
  const Environment environment(dataset,
                                {.negatives = NegativeSampling::kUniform});
  std::vector<Task> tasks;
  for (const int user : dataset.UsersOf(UserSplit::kTest)) {
    for (int draw = 0; draw < 5; ++draw) {
      tasks.push_back(environment.MakeTask(user, draw, user));
    }
  }
  const double random = MeanReward(*MakeRandomScorer(1), tasks);
  const double knn = MeanReward(*MakeItemKnnScorer(dataset), tasks);
  EXPECT_NEAR(random, 0.454, 0.06);
  EXPECT_GT(knn, random + 0.06);
}

}  // namespace
}  // namespace attune::trainer
