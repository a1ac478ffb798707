// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/metrics.h"

#include <vector>

#include "gtest/gtest.h"

namespace attune::policy {
namespace {

TEST(RankOfTest, CountsFromOne) {
  const std::vector<int> ranking = {4, 0, 2, 1, 3};
  EXPECT_EQ(RankOf(4, ranking), 1);
  EXPECT_EQ(RankOf(2, ranking), 3);
  EXPECT_EQ(RankOf(3, ranking), 5);
}

TEST(RankOfTest, IsZeroWhenAbsent) {
  EXPECT_EQ(RankOf(7, std::vector<int>{4, 0, 2}), 0);
  EXPECT_EQ(RankOf(7, std::vector<int>{}), 0);
}

TEST(NdcgAtTest, FallsWithTheRank) {
  EXPECT_EQ(NdcgAt(10, 1), 1.0);
  EXPECT_NEAR(NdcgAt(10, 2), 0.63093, 1e-5);
  EXPECT_EQ(NdcgAt(10, 3), 0.5);
  EXPECT_EQ(NdcgAt(10, 7), 1.0 / 3.0);
  EXPECT_NEAR(NdcgAt(10, 10), 0.28906, 1e-5);
}

TEST(NdcgAtTest, IsZeroBeyondTheCutAndWhenNotRanked) {
  EXPECT_EQ(NdcgAt(10, 11), 0.0);
  EXPECT_EQ(NdcgAt(1, 2), 0.0);
  EXPECT_EQ(NdcgAt(10, 0), 0.0);
}

TEST(NdcgOfRanksTest, EqualsNdcgAtForOneRelevantItem) {
  for (const int rank : {0, 1, 3, 10, 11}) {
    EXPECT_EQ(NdcgOfRanks(10, {rank}), NdcgAt(10, rank)) << rank;
  }
}

TEST(NdcgOfRanksTest, DividesByTheBestThatIsPossible) {
  EXPECT_EQ(NdcgOfRanks(10, {}), 0.0);
  EXPECT_EQ(NdcgOfRanks(10, {2, 1}), 1.0);
  // (1 + 1/log2(4)) / (1 + 1/log2(3)).
  EXPECT_NEAR(NdcgOfRanks(10, {1, 3}), 1.5 / 1.63093, 1e-5);
  // One of two relevant items was not ranked.
  EXPECT_NEAR(NdcgOfRanks(10, {1, 0}), 1.0 / 1.63093, 1e-5);
  // Eleven relevant items in the first eleven places: the cut takes ten.
  EXPECT_EQ(NdcgOfRanks(10, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), 1.0);
}

TEST(ReciprocalRankTest, IsOneOverTheRank) {
  EXPECT_EQ(ReciprocalRank(1), 1.0);
  EXPECT_EQ(ReciprocalRank(4), 0.25);
  EXPECT_EQ(ReciprocalRank(0), 0.0);
}

TEST(HitRateAtTest, SaysWhetherTheRankIsWithinTheCut) {
  EXPECT_EQ(HitRateAt(1, 1), 1.0);
  EXPECT_EQ(HitRateAt(1, 2), 0.0);
  EXPECT_EQ(HitRateAt(5, 5), 1.0);
  EXPECT_EQ(HitRateAt(5, 6), 0.0);
  EXPECT_EQ(HitRateAt(5, 0), 0.0);
}

TEST(RandomNdcgAtTest, IsTheMeanOverAllRanks) {
  EXPECT_NEAR(RandomNdcgAt(10, 10), 0.4544, 1e-4);
  // (1 + 0.63093) / 4.
  EXPECT_NEAR(RandomNdcgAt(2, 4), 0.40773, 1e-5);
  // A cut beyond the candidates changes nothing.
  EXPECT_EQ(RandomNdcgAt(10, 3), RandomNdcgAt(3, 3));
}

}  // namespace
}  // namespace attune::policy
