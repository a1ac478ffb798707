// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/text_features.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace attune::policy {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Lt;

// Weights are trained for buckets, so these may never change. " heat " has four
// 3-grams, three 4-grams and two 5-grams.
TEST(TitleNgramsTest, GivesTheSameBucketsForever) {
  EXPECT_THAT(TitleNgrams("Heat", 1024),
              ElementsAre(152, 37, 716, 93, 228, 292, 383, 599, 60));
}

TEST(TitleNgramsTest, IgnoresCaseOfAsciiLetters) {
  EXPECT_EQ(TitleNgrams("HEAT", 256), TitleNgrams("heat", 256));
  EXPECT_NE(TitleNgrams("heat", 256), TitleNgrams("hear", 256));
}

TEST(TitleNgramsTest, StaysWithinTheBuckets) {
  EXPECT_THAT(TitleNgrams("The Usual Suspects (1995)", 16),
              Each(AllOf(Ge(0), Lt(16))));
}

TEST(TitleNgramsTest, CountsCharactersNotBytes) {
  // Four characters each, whatever their bytes.
  EXPECT_EQ(TitleNgrams("été!", 64).size(), TitleNgrams("eta!", 64).size());
}

TEST(TitleNgramsTest, HasOneForTheShortestTitleAndNoneForNone) {
  EXPECT_EQ(TitleNgrams("M", 64).size(), 1U);
  EXPECT_TRUE(TitleNgrams("", 64).empty());
}

TEST(TitleNgramsTest, ReadsAtMostTwoHundredCharacters) {
  EXPECT_EQ(TitleNgrams(std::string(2048, 'a'), 64),
            TitleNgrams(std::string(200, 'a'), 64));
}

TEST(SentenceEmbeddingTest, GivesTheSameFloatsForever) {
  const Eigen::VectorXf e = SentenceEmbedding("You love films.", 8);
  const float expected[] = {0.62622428F,  0.31311214F, 0.37573457F,
                            -0.56360185F, 0.12524486F, -0.06262243F,
                            -0.12524486F, -0.12524486F};
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(e[i], expected[i], 1e-7F) << i;
}

TEST(SentenceEmbeddingTest, HasUnitLength) {
  EXPECT_NEAR(SentenceEmbedding("Rank the films.", 64).norm(), 1.0F, 1e-6F);
}

TEST(SentenceEmbeddingTest, IsZeroWithoutAWord) {
  EXPECT_EQ(SentenceEmbedding("", 16), Eigen::VectorXf::Zero(16));
  EXPECT_EQ(SentenceEmbedding(" ... ", 16), Eigen::VectorXf::Zero(16));
}

TEST(SentenceEmbeddingTest, PutsSimilarSentencesNearer) {
  const Eigen::VectorXf a =
      SentenceEmbedding("You are a careful film critic.", 256);
  const Eigen::VectorXf b =
      SentenceEmbedding("You are a careful film expert.", 256);
  const Eigen::VectorXf c =
      SentenceEmbedding("Think step by step before ranking.", 256);
  EXPECT_GT(a.dot(b), 0.5F);
  EXPECT_LT(a.dot(c), 0.3F);
}

}  // namespace
}  // namespace attune::policy
