// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sasrec.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/sample_dataset.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::attune::testing::TwoTastes;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 3;
constexpr SasRecOptions kSmall = {
    .dim = 16, .blocks = 1, .max_length = 8, .epochs = 60, .seed = kSeed};

// Every user walks round a ring of 20 items from a place of their own: only the
// order tells what comes next, all items are alike popular.
Dataset Ring() {
  Dataset dataset;
  for (int i = 0; i < 20; ++i) {
    dataset.items.emplace_back().id = absl::StrCat(i);
  }
  for (int u = 0; u < 80; ++u) {
    User& user = dataset.users.emplace_back();
    for (int i = 0; i < 10; ++i)
      user.history.push_back({(u + i) % 20, 1.0F, i});
    user.targets = {{(u + 10) % 20, 1.0F, 10}};
  }
  return dataset;
}

Task TaskOf(const std::vector<int>& history,
            const std::vector<int>& candidates) {
  Task task;
  for (const int i : history) task.history.emplace_back().id = absl::StrCat(i);
  for (const int i : candidates) {
    task.candidates.emplace_back().id = absl::StrCat(i);
  }
  return task;
}

TEST(SasRecTest, LearnsTheOrder) {
  const auto scorer = TrainSasRec(Ring(), kSmall);
  ASSERT_THAT(scorer, IsOk());
  EXPECT_EQ((*scorer)->name(), "sasrec");
  const std::vector<int> candidates = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18};
  int right = 0;
  for (const int next : candidates) {
    const Task task = TaskOf(
        {(next + 17) % 20, (next + 18) % 20, (next + 19) % 20}, candidates);
    const auto scores = *(*scorer)->Score(task);
    const auto best = std::max_element(scores.begin(), scores.end());
    right += candidates[best - scores.begin()] == next ? 1 : 0;
  }
  EXPECT_GE(right, 9) << "of 10; seed " << kSeed;
}

TEST(SasRecTest, IsAFunctionOfDataAndSeed) {
  const Dataset dataset = TwoTastes(kSeed);
  SasRecOptions options = kSmall;
  options.epochs = 3;
  const Task task = Environment(dataset, {}).MakeTask(4, 0, 0);
  const auto first = *(*TrainSasRec(dataset, options))->Score(task);
  EXPECT_EQ(first, *(*TrainSasRec(dataset, options))->Score(task));
  options.seed = kSeed + 1;
  EXPECT_NE(first, *(*TrainSasRec(dataset, options))->Score(task));
}

TEST(SasRecTest, ReadsTheMostRecentItemsOnly) {
  SasRecOptions options = kSmall;
  options.max_length = 2;
  options.epochs = 3;
  const auto scorer = TrainSasRec(Ring(), options);
  ASSERT_THAT(scorer, IsOk());
  const auto scores = *(*scorer)->Score(TaskOf({5, 6}, {7, 8}));
  EXPECT_EQ(scores, *(*scorer)->Score(TaskOf({1, 9, 5, 6}, {7, 8})));
  EXPECT_NE(scores, *(*scorer)->Score(TaskOf({6, 5}, {7, 8})));
}

TEST(SasRecTest, PutsItemsItNeverSawLast) {
  SasRecOptions options = kSmall;
  options.epochs = 1;
  const auto scorer = TrainSasRec(Ring(), options);
  ASSERT_THAT(scorer, IsOk());
  // 99 is in no data set; histories of such items alone and of none count as
  // empty.
  const auto scores = *(*scorer)->Score(TaskOf({99}, {3, 99, 7}));
  EXPECT_LT(scores[1], std::min(scores[0], scores[2]));
  EXPECT_EQ(scores, *(*scorer)->Score(TaskOf({}, {3, 99, 7})));
}

TEST(SasRecTest, RefusesOptionsOutOfRangeAndNothingToLearn) {
  SasRecOptions options = kSmall;
  options.dropout = 1.0F;
  EXPECT_THAT(
      TrainSasRec(Ring(), options).status(),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("dropout")));
  Dataset dataset = Ring();
  for (User& user : dataset.users) user.history.resize(1);
  EXPECT_THAT(TrainSasRec(dataset, kSmall).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("two interactions")));
}

}  // namespace
}  // namespace attune::trainer
