// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/item_table.h"

#include <algorithm>
#include <cstdio>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/policy/packed_strings.h"

namespace attune::policy {
namespace {

using ::attune::testing::PackedStrings;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ItemTableTest : public ::testing::Test {
 protected:
  const PackedStrings ids_{{"10", "2", "a", "ab", "\xC3\xA9"}};
  const PackedStrings titles_{{"Ten", "Two", "", "AB", "E"}};
  const PackedStrings genres_{{"Comedy|Drama", "", "Drama", "|A||B|", "X"}};
  const std::vector<float> popularity_ = {0.0F, 0.25F, 0.5F, 0.75F, 1.0F};
  const RowMajorMatrix embeddings_ = RowMajorMatrix::Random(5, 3);
  const ItemTable table_{ids_.table(), titles_.table(), genres_.table(),
                         MatrixView(embeddings_.data(), 5, 3),
                         popularity_.data()};
};

TEST_F(ItemTableTest, FindsEveryItem) {
  for (int64_t row = 0; row < table_.size(); ++row) {
    EXPECT_EQ(table_.Find(table_.id(row)), row);
  }
}

TEST_F(ItemTableTest, DoesNotFindWhatIsNotThere) {
  for (const char* id : {"", "1", "100", "3", "aa", "abc", "\xC3\xAA"}) {
    EXPECT_EQ(table_.Find(id), -1) << id;
  }
}

TEST_F(ItemTableTest, FindsManyAsItFindsOne) {
  const std::vector<std::string_view> ids = {"ab", "no", "10", "", "2", "ab"};
  std::vector<int64_t> rows(ids.size());
  table_.FindAll(ids, absl::MakeSpan(rows));
  EXPECT_THAT(rows, ElementsAre(3, -1, 0, -1, 1, 3));
}

TEST_F(ItemTableTest, NearestAreTheLargestProductsWithoutTheExcluded) {
  const Eigen::Vector3f user(0.3F, -0.7F, 0.2F);
  const Eigen::VectorXf scores = embeddings_ * user;
  std::vector<int64_t> order = {0, 1, 2, 3, 4};
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  EXPECT_EQ(table_.Nearest(user, 5, {}), order);
  EXPECT_EQ(table_.Nearest(user, 9, {}), order);
  EXPECT_EQ(table_.Nearest(user, 2, {order[0]}),
            (std::vector<int64_t>{order[1], order[2]}));
  EXPECT_THAT(table_.Nearest(user, 0, {}), IsEmpty());
}

// Of a large table only popular items are named, and ids of all are found.
TEST(LargeItemTableTest, NamesThePopularAndFindsAll) {
  const int64_t n = kMaxSearchedItems + 1000;
  std::vector<std::string> names;
  std::vector<float> popularity(n);
  for (int64_t i = 0; i < n; ++i) {
    char id[16];
    std::snprintf(id, sizeof(id), "%07d", static_cast<int>(i));
    names.push_back(id);
    popularity[i] = static_cast<float>((i * 7919) % n) / static_cast<float>(n);
  }
  const PackedStrings ids(names);
  const RowMajorMatrix embeddings = RowMajorMatrix::Random(n, 2);
  const ItemTable table(ids.table(), ids.table(), ids.table(),
                        MatrixView(embeddings.data(), n, 2), popularity.data());
  ASSERT_EQ(table.popular().size(), static_cast<size_t>(kPopularItems));
  const float least = 1.0F - (kPopularItems + 1.0F) / static_cast<float>(n);
  for (const int64_t row : table.Nearest(Eigen::Vector2f(1, 1), 20, {})) {
    EXPECT_GE(popularity[row], least);
  }
  for (int64_t row = 0; row < n; ++row) ASSERT_EQ(table.Find(names[row]), row);
}

TEST_F(ItemTableTest, KeepsTheColumnsOfARowTogether) {
  EXPECT_EQ(table_.title(1), "Two");
  EXPECT_EQ(table_.title(2), "");
  EXPECT_EQ(table_.popularity(3), 0.75F);
  EXPECT_EQ(table_.embedding(4)[2], embeddings_(4, 2));
  EXPECT_EQ(table_.dim(), 3);
}

TEST_F(ItemTableTest, SplitsGenresAndSkipsEmptyOnes) {
  EXPECT_THAT(table_.genres(0), ElementsAre("Comedy", "Drama"));
  EXPECT_THAT(table_.genres(1), IsEmpty());
  EXPECT_THAT(table_.genres(3), ElementsAre("A", "B"));
}

TEST(EmptyItemTableTest, KnowsNothing) {
  const ItemTable table;
  EXPECT_EQ(table.size(), 0);
  EXPECT_EQ(table.dim(), 0);
  EXPECT_EQ(table.Find("a"), -1);
}

}  // namespace
}  // namespace attune::policy
