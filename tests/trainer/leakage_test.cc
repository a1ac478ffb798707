// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// No target reaches what a prompt can show: the item table (from which hints
// speak), the baselines and the negatives' distribution are computed without
// the targets of any split and without validation and test users altogether.
// Shown by changing those and comparing bits.

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/sample_dataset.h"
#include "trainer/baselines.h"
#include "trainer/environment.h"
#include "trainer/item_features.h"
#include "trainer/lightgcn.h"
#include "trainer/sasrec.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::TwoTastes;

constexpr uint64_t kSeed = 11;
constexpr LightGcnOptions kGcn = {.dim = 8, .epochs = 4, .batch_size = 64};

// Every target becomes another item that its user did not touch.
Dataset WithOtherTargets(Dataset dataset) {
  policy::Rng rng(kSeed);
  for (User& user : dataset.users) {
    while (true) {
      const int item = static_cast<int>(
          rng.Below(static_cast<uint32_t>(dataset.items.size())));
      if (std::binary_search(user.touched.begin(), user.touched.end(), item)) {
        continue;
      }
      std::erase(user.touched, user.targets[0].item);
      user.targets[0].item = item;
      user.touched.push_back(item);
      std::sort(user.touched.begin(), user.touched.end());
      break;
    }
  }
  return dataset;
}

// Validation and test users forget everything but three other items.
Dataset WithOtherReaders(Dataset dataset) {
  for (User& user : dataset.users) {
    if (user.split == UserSplit::kTrain) continue;
    user.history = {{1, 1.0F, 1}, {2, 1.0F, 2}};
    user.targets = {{3, 1.0F, 3}};
    user.touched = {1, 2, 3};
  }
  return dataset;
}

ItemFeatures FeaturesOf(const Dataset& dataset) {
  const auto embeddings = TrainLightGcn(dataset, kGcn);
  EXPECT_THAT(embeddings, IsOk());
  const auto features =
      BuildItemFeatures(dataset, embeddings->items, {.ngram_buckets = 64});
  EXPECT_THAT(features, IsOk());
  return *features;
}

void ExpectSameFeatures(const ItemFeatures& a, const ItemFeatures& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    EXPECT_EQ(a.tensors[i].values, b.tensors[i].values) << a.tensors[i].name;
  }
  for (size_t i = 0; i < a.strings.size(); ++i) {
    EXPECT_EQ(a.strings[i].values, b.strings[i].values) << a.strings[i].name;
  }
}

TEST(LeakageTest, ItemTableIgnoresEveryTarget) {
  const Dataset dataset = TwoTastes(kSeed);
  ExpectSameFeatures(FeaturesOf(dataset),
                     FeaturesOf(WithOtherTargets(dataset)));
}

TEST(LeakageTest, ItemTableIgnoresValidationAndTestUsers) {
  const Dataset dataset = TwoTastes(kSeed);
  ExpectSameFeatures(FeaturesOf(dataset),
                     FeaturesOf(WithOtherReaders(dataset)));
}

// The check above can fail: a train user's history does reach the table.
TEST(LeakageTest, ItemTableDependsOnTrainHistories) {
  const Dataset dataset = TwoTastes(kSeed);
  Dataset changed = dataset;
  User& user = changed.users[changed.UsersOf(UserSplit::kTrain)[0]];
  user.history.erase(user.history.begin());
  EXPECT_NE(FeaturesOf(dataset).tensors[0].values,
            FeaturesOf(changed).tensors[0].values);
}

TEST(LeakageTest, BaselinesIgnoreEveryTarget) {
  const Dataset dataset = TwoTastes(kSeed);
  const Dataset changed = WithOtherTargets(dataset);
  const Task task = Environment(dataset, {}).MakeTask(4, 0, 0);
  EXPECT_EQ(*MakePopularityScorer(dataset)->Score(task),
            *MakePopularityScorer(changed)->Score(task));
  EXPECT_EQ(*MakeItemKnnScorer(dataset)->Score(task),
            *MakeItemKnnScorer(changed)->Score(task));
}

// A cold item's interactions reach nothing that is learned: the same without
// them.
TEST(LeakageTest, CollaborativeModelsIgnoreColdItems) {
  Dataset dataset = TwoTastes(kSeed);
  dataset.cold.assign(dataset.items.size(), false);
  dataset.cold[5] = dataset.cold[25] = true;
  Dataset changed = dataset;
  for (User& user : changed.users) {
    std::erase_if(user.history,
                  [&](const Interaction& i) { return changed.IsCold(i.item); });
  }
  const Task task = Environment(dataset, {}).MakeTask(4, 0, 0);
  ExpectSameFeatures(FeaturesOf(dataset), FeaturesOf(changed));
  EXPECT_EQ(*MakePopularityScorer(dataset)->Score(task),
            *MakePopularityScorer(changed)->Score(task));
  EXPECT_EQ(*MakeItemKnnScorer(dataset)->Score(task),
            *MakeItemKnnScorer(changed)->Score(task));
  const SasRecOptions options = {.dim = 8, .epochs = 2};
  EXPECT_EQ(*(*TrainSasRec(dataset, options))->Score(task),
            *(*TrainSasRec(changed, options))->Score(task));
  const ItemFeatures features = FeaturesOf(dataset);
  for (const std::string& id : features.strings[0].values) {
    EXPECT_NE(id, dataset.items[5].id);
    EXPECT_NE(id, dataset.items[25].id);
  }
}

TEST(LeakageTest, SasRecIgnoresTargetsAndOtherSplits) {
  const Dataset dataset = TwoTastes(kSeed);
  const Task task = Environment(dataset, {}).MakeTask(4, 0, 0);
  const SasRecOptions options = {.dim = 8, .epochs = 2};
  const auto scores = *(*TrainSasRec(dataset, options))->Score(task);
  EXPECT_EQ(scores,
            *(*TrainSasRec(WithOtherTargets(dataset), options))->Score(task));
  EXPECT_EQ(scores,
            *(*TrainSasRec(WithOtherReaders(dataset), options))->Score(task));
}

TEST(LeakageTest, HistoryNeverHoldsTheTarget) {
  const Dataset dataset = TwoTastes(kSeed);
  const Environment environment(dataset, {});
  for (int user = 0; user < 60; ++user) {
    const Task task = environment.MakeTask(user, 0, user);
    for (const policy::Item& item : task.history) {
      EXPECT_NE(item.id, task.candidates[task.target].id);
    }
  }
}

// Only the target tells the tasks of a user before and after the change apart:
// histories do not change with it.
TEST(LeakageTest, HistoryIgnoresTheTarget) {
  const Dataset dataset = TwoTastes(kSeed);
  const Dataset changed = WithOtherTargets(dataset);
  for (int user = 0; user < 60; ++user) {
    const Task before = Environment(dataset, {}).MakeTask(user, 0, 0);
    const Task after = Environment(changed, {}).MakeTask(user, 0, 0);
    ASSERT_EQ(before.history.size(), after.history.size());
    for (size_t i = 0; i < before.history.size(); ++i) {
      EXPECT_EQ(before.history[i].id, after.history[i].id);
    }
    EXPECT_NE(before.candidates[before.target].id,
              after.candidates[after.target].id);
  }
}

}  // namespace
}  // namespace attune::trainer
