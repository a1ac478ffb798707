// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/random.h"

#include <array>

#include "gtest/gtest.h"

namespace attune::policy {
namespace {

// Published outputs: SplitMix64 from state 0 yields mixes of 0 and of the
// increment's multiples.
TEST(Mix64Test, EqualsPublishedSplitMix64) {
  EXPECT_EQ(Mix64(0), 0xE220A8397B1DCDAFULL);
  EXPECT_EQ(Mix64(0x9E3779B97F4A7C15ULL), 0x6E789E6AA1B965F4ULL);
}

// A decision must be the same next year: these are this generator's outputs.
TEST(RngTest, GivesTheSameNumbersForever) {
  Rng rng(7, kSamplingStream);
  EXPECT_EQ(rng(), 0x1E585C59F9DD1C83ULL);
  EXPECT_EQ(rng(), 0xC99F9BBE96145346ULL);
}

TEST(RngTest, StreamsOfOneSeedDiffer) {
  EXPECT_NE(Rng(7, kPermutationStream)(), Rng(7, kSamplingStream)());
  EXPECT_NE(Rng(7, 1)(), Rng(8, 1)());
}

TEST(RngTest, BelowIsUniform) {
  constexpr int kDraws = 70000;
  Rng rng(11);
  std::array<int, 7> counts = {};
  for (int i = 0; i < kDraws; ++i) ++counts[rng.Below(7)];
  double chi_square = 0.0;
  for (const int count : counts) {
    const double expected = kDraws / 7.0;
    chi_square += (count - expected) * (count - expected) / expected;
  }
  // 6 degrees of freedom: 22.5 is exceeded once in a thousand seeds.
  EXPECT_LT(chi_square, 22.5);
}

TEST(RngTest, BelowOneIsZero) {
  Rng rng(1);
  EXPECT_EQ(rng.Below(1), 0U);
}

TEST(RngTest, UnitFloatStaysBelowOneAndCoversTheRange) {
  Rng rng(3);
  float least = 1.0F;
  float most = 0.0F;
  for (int i = 0; i < 100000; ++i) {
    const float u = rng.UnitFloat();
    least = u < least ? u : least;
    most = u > most ? u : most;
  }
  EXPECT_GE(least, 0.0F);
  EXPECT_LT(least, 1e-3F);
  EXPECT_GT(most, 0.999F);
  EXPECT_LT(most, 1.0F);
}

}  // namespace
}  // namespace attune::policy
