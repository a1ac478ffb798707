// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rank_distribution.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace attune::trainer {
namespace {

// NDCG by rank: 1 / log2(rank + 1), so 1/2 at rank 3.
const double kSecond = 1.0 / std::log2(3.0);

TEST(RankDistributionTest, CertainRanksHaveTheirNdcg) {
  EXPECT_DOUBLE_EQ(ExpectedNdcgAt10({}), 1.0);
  EXPECT_DOUBLE_EQ(ExpectedNdcgAt10({0.0, 0.0}), 1.0);
  EXPECT_DOUBLE_EQ(ExpectedNdcgAt10({1.0, 0.0}), kSecond);
  EXPECT_DOUBLE_EQ(ExpectedNdcgAt10({1.0, 0.0, 1.0}), 0.5);
  EXPECT_DOUBLE_EQ(ExpectedNdcgAt10(std::vector<double>(9, 1.0)),
                   1.0 / std::log2(11.0));
  EXPECT_DOUBLE_EQ(ExpectedNdcgAt10(std::vector<double>(10, 1.0)), 0.0);
}

TEST(RankDistributionTest, UncertainRanksAreWeighed) {
  EXPECT_DOUBLE_EQ(ExpectedNdcgAt10({0.5}), 0.5 + 0.5 * kSecond);
  // None above: 1/2 * 3/4; both: 1/2 * 1/4; one: the other half.
  EXPECT_DOUBLE_EQ(ExpectedNdcgAt10({0.5, 0.25}),
                   0.375 + 0.5 * kSecond + 0.125 * 0.5);
}

}  // namespace
}  // namespace attune::trainer
