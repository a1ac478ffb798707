// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_rewriter.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "trainer/sim_phrases.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kSeed = 4;

TEST(SimRewriterTest, RewritesAreDistinctSingleLinesThatKeepTheSlots) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const std::string parent = "Similar viewers like {items}.";
  policy::Rng rng(kSeed);
  const std::vector<std::string> rewrites = SimRewrites(parent, 16, rng);
  EXPECT_EQ(std::set<std::string>(rewrites.begin(), rewrites.end()).size(),
            16u);
  for (const std::string& rewrite : rewrites) {
    EXPECT_NE(rewrite, parent);
    EXPECT_THAT(rewrite, ::testing::HasSubstr("{items}"));
    EXPECT_EQ(rewrite.back(), '.');
    EXPECT_EQ(rewrite.find('\n'), std::string::npos);
    EXPECT_LE(rewrite.size(), parent.size() + 50);
  }
}

TEST(SimRewriterTest, AnEmptySentenceBecomesAPhrase) {
  policy::Rng rng(kSeed);
  for (const std::string& rewrite : SimRewrites("", 8, rng)) {
    EXPECT_GE(rewrite[0], 'A');
    EXPECT_LE(rewrite[0], 'Z');
    EXPECT_EQ(rewrite.back(), '.');
  }
}

TEST(SimRewriterTest, SomeRewritesHelpAndMostDoNot) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  policy::Rng rng(kSeed);
  const SimPhrases phrases(kSeed);
  int better = 0;
  for (const std::string& rewrite : SimRewrites("Be brief.", 100, rng)) {
    better += phrases.Merit("format", rewrite) > 0;
  }
  // One phrase in six helps.
  EXPECT_GE(better, 8);
  EXPECT_LE(better, 40);
}

TEST(SimPhrasesTest, MeritCountsPhrasesAsWholeWordsUpToTwo) {
  const SimPhrases phrases(kSeed);
  const auto vocabulary = SimPhrases::Vocabulary();
  const std::vector<int> better = phrases.Better("role");
  ASSERT_EQ(better.size(), 4u);
  std::string sentence = "You recommend movies";
  EXPECT_EQ(phrases.Merit("role", sentence), 0);
  const int expected[] = {1, 2, 2, 2};
  for (int i = 0; i < 4; ++i) {
    sentence += ", " + std::string(vocabulary[better[i]]);
    EXPECT_EQ(phrases.Merit("role", sentence), expected[i]);
  }
  EXPECT_EQ(phrases.Merit("role", std::string(vocabulary[better[0]]) + "x"), 0);
  EXPECT_TRUE(phrases.Better("history").empty());
  EXPECT_NE(phrases.Better("role"), phrases.Better("format"));
}

}  // namespace
}  // namespace attune::trainer
