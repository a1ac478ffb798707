// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/item_table.h"

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
