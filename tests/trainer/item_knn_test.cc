// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/item_knn.h"

#include "gtest/gtest.h"
#include "tests/trainer/sample_dataset.h"

namespace attune::trainer {
namespace {

using ::attune::testing::TwoTastes;

constexpr uint64_t kSeed = 7;

TEST(ItemKnnTest, ScoresAllItemsAsItScoresOne) {
  const Dataset dataset = TwoTastes(kSeed);
  const ItemKnn knn(dataset, 0.8F);
  const std::vector<int> history = {3, -1, 30, 7};
  const std::vector<float> all = knn.ScoreAll(history);
  ASSERT_EQ(all.size(), dataset.items.size());
  for (int item = 0; item < 40; ++item) {
    EXPECT_NEAR(all[item], knn.Score(history, item), 1e-5F) << item;
  }
  EXPECT_GT(all[7], 0.9F);  // the newest of the history itself
}

TEST(ItemKnnTest, KnowsNothingOfColdItems) {
  Dataset dataset = TwoTastes(kSeed);
  dataset.cold.assign(dataset.items.size(), false);
  dataset.cold[7] = true;
  const ItemKnn knn(dataset);
  EXPECT_EQ(knn.Score({3, 8}, 7), 0.0F);
  EXPECT_EQ(knn.ScoreAll({7}), std::vector<float>(40, 0.0F));
  EXPECT_GT(ItemKnn(TwoTastes(kSeed)).Score({3, 8}, 7), 0.0F);
}

}  // namespace
}  // namespace attune::trainer
