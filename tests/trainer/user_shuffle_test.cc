// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/user_shuffle.h"

#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kSeed = 5;

Task TaskOf(int user, TaskSlices slices = {}) {
  Task task;
  task.user = user;
  task.slices = slices;
  return task;
}

// 30 users, two tasks each; every third is cold.
std::vector<Task> MixedTasks() {
  std::vector<Task> tasks;
  for (int user = 0; user < 30; ++user) {
    for (int draw = 0; draw < 2; ++draw) {
      tasks.push_back(TaskOf(user, {.cold_user = user % 3 == 0}));
    }
  }
  return tasks;
}

TEST(UserShuffleTest, NobodyKeepsTheirOwnAndSlicesStay) {
  const std::vector<Task> tasks = MixedTasks();
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<int> sources =
        ShuffledSources(tasks, ShuffleScope::kSameSlices, seed);
    for (size_t i = 0; i < tasks.size(); ++i) {
      ASSERT_GE(sources[i], 0);
      const Task& source = tasks[sources[i]];
      EXPECT_NE(source.user, tasks[i].user) << "seed " << seed;
      EXPECT_EQ(source.slices.cold_user, tasks[i].slices.cold_user);
    }
  }
}

TEST(UserShuffleTest, AmongAllUsersSlicesMix) {
  const std::vector<Task> tasks = MixedTasks();
  const std::vector<int> sources =
      ShuffledSources(tasks, ShuffleScope::kAllUsers, kSeed);
  int mixed = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    ASSERT_GE(sources[i], 0);
    const Task& source = tasks[sources[i]];
    EXPECT_NE(source.user, tasks[i].user);
    mixed += source.slices.cold_user != tasks[i].slices.cold_user ? 1 : 0;
  }
  EXPECT_GT(mixed, 0) << "seed " << kSeed;
}

TEST(UserShuffleTest, EveryChoiceIsUsedOnce) {
  const std::vector<int> sources =
      ShuffledSources(MixedTasks(), ShuffleScope::kSameSlices, kSeed);
  EXPECT_EQ(std::set<int>(sources.begin(), sources.end()).size(),
            sources.size());
}

TEST(UserShuffleTest, IsAFunctionOfTheSeed) {
  constexpr ShuffleScope kAll = ShuffleScope::kAllUsers;
  const std::vector<Task> tasks = MixedTasks();
  EXPECT_EQ(ShuffledSources(tasks, kAll, 1), ShuffledSources(tasks, kAll, 1));
  EXPECT_NE(ShuffledSources(tasks, kAll, 1), ShuffledSources(tasks, kAll, 2));
}

TEST(UserShuffleTest, AUserAloneInASliceGetsNothing) {
  const std::vector<int> sources =
      ShuffledSources({TaskOf(0), TaskOf(1), TaskOf(2, {.heavy_user = true})},
                      ShuffleScope::kSameSlices, kSeed);
  EXPECT_EQ(sources, (std::vector<int>{1, 0, -1}));
}

// Users with more tasks of a slice than the other use theirs in turn.
TEST(UserShuffleTest, UnequalNumbersOfTasksGoRound) {
  const std::vector<int> sources =
      ShuffledSources({TaskOf(0), TaskOf(0), TaskOf(0), TaskOf(1)},
                      ShuffleScope::kAllUsers, kSeed);
  EXPECT_EQ(sources, (std::vector<int>{3, 3, 3, 0}));
}

}  // namespace
}  // namespace attune::trainer
