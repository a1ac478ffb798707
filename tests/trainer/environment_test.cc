// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/environment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/sample_dataset.h"
#include "trainer/baselines.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::attune::testing::TwoTastes;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 5;

std::vector<std::string> Ids(const std::vector<policy::Item>& items) {
  std::vector<std::string> ids;
  for (const policy::Item& item : items) ids.push_back(item.id);
  return ids;
}

std::vector<int> Displayed(const Task& task) {
  std::vector<int> order;
  for (int i = 0; i < task.permutation.size(); ++i) {
    order.push_back(task.permutation.CandidateAt(i));
  }
  return order;
}

class EnvironmentTest : public ::testing::TestWithParam<NegativeSampling> {
 protected:
  EnvironmentTest()
      : dataset_(TwoTastes(kSeed)),
        environment_(dataset_, {.negatives = GetParam(), .seed = kSeed}) {}

  Dataset dataset_;
  Environment environment_;
};

INSTANTIATE_TEST_SUITE_P(Negatives, EnvironmentTest,
                         ::testing::Values(NegativeSampling::kUniform,
                                           NegativeSampling::kPopularity,
                                           NegativeSampling::kHard));

TEST_P(EnvironmentTest, HistoryHoldsEverythingBeforeTheTargetInOrder) {
  for (size_t u = 0; u < dataset_.users.size(); ++u) {
    const auto& all = dataset_.users[u].history;
    const Task task = environment_.MakeTask(static_cast<int>(u), 0, 0);
    ASSERT_EQ(task.history.size(), all.size());
    for (size_t i = 0; i < task.history.size(); ++i) {
      EXPECT_EQ(task.history[i].id, dataset_.items[all[i].item].id);
      EXPECT_EQ(task.history[i].weight, all[i].weight);
      EXPECT_EQ(task.history[i].interact_seconds, all[i].seconds);
    }
  }
}

TEST_P(EnvironmentTest, CandidatesAreTheTargetAndUntouchedItems) {
  for (size_t u = 0; u < dataset_.users.size(); ++u) {
    const User& user = dataset_.users[u];
    const Task task = environment_.MakeTask(static_cast<int>(u), 3, 1);
    ASSERT_EQ(task.candidates.size(), 10);
    std::set<std::string> touched;
    for (const int item : user.touched) touched.insert(dataset_.items[item].id);
    std::set<std::string> distinct;
    for (int i = 0; i < 10; ++i) {
      const policy::Item& item = task.candidates[i];
      distinct.insert(item.id);
      EXPECT_EQ(touched.contains(item.id), i == task.target);
      EXPECT_EQ(item.weight, 0.0F);
      EXPECT_FALSE(item.interact_seconds.has_value());
    }
    EXPECT_EQ(distinct.size(), 10);
    EXPECT_EQ(task.candidates[task.target].id,
              dataset_.items[user.targets[0].item].id);
  }
}

TEST_P(EnvironmentTest, SameArgumentsGiveTheSameTask) {
  const Task first = environment_.MakeTask(4, 2, 7);
  const Task again = environment_.MakeTask(4, 2, 7);
  EXPECT_EQ(Ids(first.candidates), Ids(again.candidates));
  EXPECT_EQ(first.target, again.target);
  EXPECT_EQ(Displayed(first), Displayed(again));
}

TEST_P(EnvironmentTest, DrawsUsersAndSeedsDiffer) {
  const Environment other(dataset_,
                          {.negatives = GetParam(), .seed = kSeed + 1});
  const Task task = environment_.MakeTask(4, 0, 0);
  EXPECT_NE(Ids(task.candidates),
            Ids(environment_.MakeTask(4, 1, 0).candidates));
  EXPECT_NE(Ids(task.candidates),
            Ids(environment_.MakeTask(5, 0, 0).candidates));
  EXPECT_NE(Ids(task.candidates), Ids(other.MakeTask(4, 0, 0).candidates));
}

TEST_P(EnvironmentTest, TargetTakesEveryDisplayedPositionEquallyOften) {
  std::array<int, 10> shown = {};
  for (int ordinal = 0; ordinal < 60; ++ordinal) {
    const Task task = environment_.MakeTask(ordinal, 2, ordinal);
    const int position = task.permutation.PositionOf(task.target);
    EXPECT_EQ(position, (ordinal + 2) % 10);
    ++shown[position];
  }
  for (const int count : shown) EXPECT_EQ(count, 6);
}

// The caller's order must not give the target away either.
TEST_P(EnvironmentTest, TargetIsAnywhereInTheCallersOrder) {
  std::array<int, 10> places = {};
  for (int draw = 0; draw < 2000; ++draw) {
    ++places[environment_.MakeTask(1, draw, 0).target];
  }
  for (const int count : places) EXPECT_NEAR(count, 200, 60);
}

TEST(EnvironmentHistoryTest, KeepsTheMostRecentItems) {
  const Dataset dataset = TwoTastes(kSeed);
  const Environment environment(dataset, {.max_history = 3});
  const Task task = environment.MakeTask(0, 0, 0);
  const auto& all = dataset.users[0].history;
  ASSERT_EQ(task.history.size(), 3);
  EXPECT_EQ(task.history[2].id, dataset.items[all.back().item].id);
}

TEST(EnvironmentNegativesTest, FollowPopularityInTraining) {
  Dataset dataset = TwoTastes(kSeed, {.users = 30, .items = 200});
  // Item 150 is touched by every second train user and nobody else.
  for (size_t u = 0; u < dataset.users.size(); u += 2) {
    User& user = dataset.users[u];
    if (user.split != UserSplit::kTrain) continue;
    std::erase_if(user.history,
                  [](const Interaction& i) { return i.item == 150; });
    user.history.insert(user.history.begin(), {150, 1.0F, 0});
  }
  const int reader = dataset.UsersOf(UserSplit::kTest)[0];
  std::erase(dataset.users[reader].touched, 150);
  const std::vector<int> counts = dataset.TrainCounts();
  const auto count_of_negatives = [&](NegativeSampling sampling) {
    const Environment environment(dataset, {.negatives = sampling});
    int hits = 0;
    for (int draw = 0; draw < 500; ++draw) {
      const Task task = environment.MakeTask(reader, draw, 0);
      for (int i = 0; i < 10; ++i) {
        if (i == task.target) continue;
        const std::string& id = task.candidates[i].id;
        hits += id == dataset.items[150].id ? 1 : 0;
        const int item = 1000 - std::stoi(id);
        if (sampling == NegativeSampling::kPopularity) {
          EXPECT_GT(counts[item], 0);
        }
      }
    }
    return hits;
  };
  EXPECT_GT(count_of_negatives(NegativeSampling::kPopularity),
            3 * count_of_negatives(NegativeSampling::kUniform));
}

TEST(EnvironmentNegativesTest, AreUniformOnceTouchedItemsRunOut) {
  Dataset dataset = TwoTastes(kSeed);
  const int user = dataset.UsersOf(UserSplit::kTest)[0];
  // Everything that trained anyone is touched but for one item.
  const std::vector<int> counts = dataset.TrainCounts();
  for (int i = 0; i < 12; ++i) {
    policy::Item item;
    item.id = item.title = absl::StrCat("new ", i);
    dataset.items.push_back(item);
  }
  dataset.users[user].touched.clear();
  for (int i = 0; i < 40; ++i) dataset.users[user].touched.push_back(i);
  const Environment environment(dataset,
                                {.negatives = NegativeSampling::kPopularity});
  const Task task = environment.MakeTask(user, 0, 0);
  int fresh = 0;
  for (const policy::Item& item : task.candidates) {
    fresh += item.id.starts_with("new ") ? 1 : 0;
  }
  EXPECT_EQ(fresh, 9);
}

TEST(EnvironmentCheckTest, RefusesWhatCannotBeServed) {
  Dataset dataset = TwoTastes(kSeed);
  EXPECT_THAT(Environment::Check(dataset, {}), IsOk());
  for (const int candidates : {1, 27}) {
    EXPECT_THAT(Environment::Check(dataset, {.num_candidates = candidates}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("num_candidates must be in [2, 26]")));
  }
  EXPECT_THAT(Environment::Check(dataset, {.max_history = 0}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("max_history must be in [1, 1000]")));
  dataset.users[0].touched.clear();
  for (int i = 0; i < 32; ++i) dataset.users[0].touched.push_back(i);
  EXPECT_THAT(Environment::Check(dataset, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("num_candidates - 1 = 9")));
}

// Users of 12 interactions with three targets; every fifth item is cold.
Dataset Sliced() {
  Dataset dataset = TwoTastes(kSeed, {.users = 200, .items = 60});
  for (User& user : dataset.users) {
    for (int i = 0; i < 2; ++i) {
      user.targets.insert(user.targets.begin(), user.history.back());
      user.history.pop_back();
    }
  }
  for (int i = 0; i < 60; ++i) dataset.cold.push_back(i % 5 == 0);
  return dataset;
}

int ItemOf(const policy::Item& item) { return 1000 - std::stoi(item.id); }

class EnvironmentSliceTest : public ::testing::TestWithParam<NegativeSampling> {
 protected:
  EnvironmentSliceTest()
      : dataset_(Sliced()),
        options_({.negatives = GetParam(), .cold_user_share = 0.25}) {}

  Dataset dataset_;
  EnvironmentOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Negatives, EnvironmentSliceTest,
                         ::testing::Values(NegativeSampling::kUniform,
                                           NegativeSampling::kPopularity,
                                           NegativeSampling::kHard));

TEST_P(EnvironmentSliceTest, DrawsGoThroughTheTargetsWithOneHistory) {
  const Environment environment(dataset_, options_);
  for (int user = 0; user < 200; ++user) {
    const auto history = Ids(environment.MakeTask(user, 0, 0).history);
    for (int draw = 0; draw < 7; ++draw) {
      const Task task = environment.MakeTask(user, draw, 0);
      EXPECT_EQ(task.target_index, draw % 3);
      EXPECT_EQ(ItemOf(task.candidates[task.target]),
                dataset_.users[user].targets[draw % 3].item);
      EXPECT_EQ(Ids(task.history), history);
    }
  }
}

TEST_P(EnvironmentSliceTest, ShowsTheStatedShareOfUsersWithShortHistories) {
  ASSERT_THAT(Environment::Check(dataset_, options_), IsOk());
  const Environment environment(dataset_, options_);
  int cold = 0;
  for (int user = 0; user < 200; ++user) {
    const Task task = environment.MakeTask(user, 0, 0);
    EXPECT_EQ(task.slices.cold_user, task.history.size() <= 3);
    EXPECT_GE(task.history.size(), 1);
    // What is shown is the newest.
    EXPECT_EQ(ItemOf(task.history.back()),
              dataset_.users[user].history.back().item);
    cold += task.slices.cold_user ? 1 : 0;
  }
  EXPECT_NEAR(cold, 50, 20);
}

TEST_P(EnvironmentSliceTest, NoLoneUnknownItemGivesItselfAway) {
  const Environment environment(dataset_, options_);
  int cold_tasks = 0;
  for (int user = 0; user < 200; ++user) {
    for (int draw = 0; draw < 3; ++draw) {
      const Task task = environment.MakeTask(user, draw, 0);
      int cold = 0;
      for (int i = 0; i < 10; ++i) {
        cold += dataset_.IsCold(ItemOf(task.candidates[i])) ? 1 : 0;
      }
      EXPECT_EQ(task.slices.cold_item,
                dataset_.IsCold(ItemOf(task.candidates[task.target])));
      EXPECT_EQ(cold, task.slices.cold_item ? 5 : 0);
      cold_tasks += task.slices.cold_item ? 1 : 0;
    }
  }
  EXPECT_NEAR(cold_tasks, 120, 40);
}

TEST(EnvironmentHeavyTest, AreTheLongestHistoriesThatAreNotCut) {
  Dataset dataset = TwoTastes(kSeed);
  for (int user = 0; user < 60; ++user) {
    if (user >= 6) dataset.users[user].history.resize(5);
  }
  const Environment environment(dataset, {.heavy_user_share = 0.1});
  const Environment cut(dataset,
                        {.cold_user_share = 1.0, .heavy_user_share = 0.1});
  const Environment none(dataset, {.heavy_user_share = 0.0});
  for (int user = 0; user < 60; ++user) {
    EXPECT_EQ(environment.MakeTask(user, 0, 0).slices.heavy_user, user < 6);
    EXPECT_FALSE(cut.MakeTask(user, 0, 0).slices.heavy_user);
    EXPECT_FALSE(none.MakeTask(user, 0, 0).slices.heavy_user);
  }
}

TEST(EnvironmentHistoryTest, SendsNoTimeWhereThereIsNone) {
  Dataset dataset = TwoTastes(kSeed);
  dataset.has_time = false;
  const Environment environment(dataset, {});
  for (const policy::Item& item : environment.MakeTask(0, 0, 0).history) {
    EXPECT_FALSE(item.interact_seconds.has_value());
    EXPECT_EQ(item.weight, 3.0F);
  }
}

// Hard negatives are those that item-kNN itself likes.
TEST(EnvironmentNegativesTest, AreHardForItemKnn) {
  const Dataset dataset = TwoTastes(kSeed, {.users = 100, .items = 100});
  const auto knn = MakeItemKnnScorer(dataset);
  const auto liking = [&](NegativeSampling negatives) {
    const Environment environment(dataset, {.negatives = negatives});
    double sum = 0.0;
    for (int user = 0; user < 100; ++user) {
      const Task task = environment.MakeTask(user, 0, user);
      const auto scores = *knn->Score(task);
      for (int i = 0; i < 10; ++i) sum += i == task.target ? 0.0 : scores[i];
    }
    return sum;
  };
  EXPECT_GT(liking(NegativeSampling::kHard),
            1.3 * liking(NegativeSampling::kPopularity));
}

TEST(EnvironmentCheckTest, RefusesAColdTargetWithoutColdNegatives) {
  Dataset dataset = TwoTastes(kSeed);
  dataset.cold.assign(40, false);
  dataset.cold[dataset.users[3].targets[0].item] = true;
  EXPECT_THAT(Environment::Check(dataset, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("fewer than 4 cold items untouched")));
}

TEST(EnvironmentCheckTest, RefusesWhatIsNoShare) {
  const Dataset dataset = TwoTastes(kSeed);
  for (const double share : {-0.1, 1.1, std::nan("")}) {
    EXPECT_THAT(Environment::Check(dataset, {.cold_user_share = share}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("must be in [0, 1]")));
    EXPECT_THAT(Environment::Check(dataset, {.heavy_user_share = share}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("must be in [0, 1]")));
  }
}

TEST(RewardTest, IsTheUsersOwnNdcg) {
  Task task;
  task.target = 2;
  EXPECT_EQ(Reward(task, {.candidates = {2, 0, 1}}), 1.0F);
  EXPECT_NEAR(Reward(task, {.candidates = {0, 2, 1}}), 1.0 / std::log2(3.0),
              1e-6);
  EXPECT_NEAR(Reward(task, {.candidates = {0, 1, 2}}), 0.5, 1e-6);
}

// Issue: a random ranker scores 0.454 +- 0.01.
TEST(RewardTest, OfRandomRankingsIsChance) {
  const Dataset dataset = TwoTastes(kSeed);
  const Environment environment(dataset, {});
  policy::Rng rng(kSeed);
  double sum = 0.0;
  for (int i = 0; i < 10000; ++i) {
    const Task task = environment.MakeTask(i % 60, i / 60, i);
    const auto order = policy::Permutation::Random(10, rng);
    policy::Ranking ranking;
    for (int k = 0; k < 10; ++k) {
      ranking.candidates.push_back(order.CandidateAt(k));
    }
    sum += Reward(task, ranking);
  }
  EXPECT_NEAR(sum / 10000, policy::RandomNdcgAt(10, 10), 0.01);
  EXPECT_NEAR(policy::RandomNdcgAt(10, 10), 0.454, 0.001);
}

TEST(EaseTest, IsWhatTheScoresAloneWouldEarn) {
  Task task;
  task.target = 1;
  EXPECT_EQ(Ease(task, {0.1F, 0.9F, 0.2F}), 1.0F);
  EXPECT_FLOAT_EQ(Ease(task, {0.95F, 0.9F, 0.2F}),
                  static_cast<float>(policy::NdcgAt(10, 2)));
  // Scores that say nothing put the target last.
  EXPECT_FLOAT_EQ(Ease(task, {0.0F, 0.0F, 0.0F}),
                  static_cast<float>(policy::NdcgAt(10, 3)));
}

}  // namespace
}  // namespace attune::trainer
