// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/user_state.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "policy/random.h"
#include "tests/policy/packed_strings.h"
#include "tests/testing/policy_builders.h"

namespace attune::policy {
namespace {

using ::attune::testing::PackedStrings;

constexpr int kD = 2;
constexpr int kE = 3;
constexpr int kH = 2;
constexpr int kHistoryBegin = kD;
constexpr int kCandidatesBegin = kD + 7;
constexpr int kOptionsBegin = kCandidatesBegin + 8;
constexpr int kGruBegin = kOptionsBegin + kE;
constexpr int kStateDim = kGruBegin + kH + 1;

Item Known(const std::string& id) { return {.id = id, .title = "T " + id}; }

Item At(const std::string& id, int64_t seconds) {
  return {.id = id, .title = "T " + id, .interact_seconds = seconds};
}

// Four items of two dimensions: a = (1, 0), b = (0, 2), c = (3, 4), z = 0.
class UserStateEncoderTest : public ::testing::Test {
 protected:
  UserStateEncoder MakeEncoder(int buckets = 0, int max_history = 50) const {
    return UserStateEncoder(
        {.embedding_dim = kD,
         .recency_decay = 0.5F,
         .max_history = max_history,
         .ngram_buckets = buckets,
         .gru_hidden = kH,
         .option_embedding_dim = kE},
        ItemTable(ids_.table(), texts_.table(), texts_.table(),
                  MatrixView(embeddings_, 4, kD), popularity_),
        MatrixView(ngrams_.data(), buckets, kD),
        MatrixView(options_.data(), 4, kE),
        Gru(MatrixView(weights_.data(), 3 * kH, kD),
            MatrixView(weights_.data(), 3 * kH, kH),
            MatrixView(weights_.data(), 3 * kH, 1),
            MatrixView(weights_.data(), 3 * kH, 1)));
  }

  UserState Encode(
      const std::vector<Item>& history, const std::vector<Item>& candidates,
      const std::optional<PreviousIteration>& previous = {}) const {
    return MakeEncoder().Encode(history, candidates, {0, 2}, previous);
  }

  const PackedStrings ids_{{"a", "b", "c", "z"}};
  const PackedStrings texts_{{"", "", "", ""}};
  const float embeddings_[8] = {1, 0, 0, 2, 3, 4, 0, 0};
  const float popularity_[4] = {0.1F, 0.5F, 0.9F, 0.3F};
  const RowMajorMatrix ngrams_ = RowMajorMatrix::Random(16, kD);
  const RowMajorMatrix options_ = RowMajorMatrix::Random(4, kE);
  const RowMajorMatrix weights_ = RowMajorMatrix::Random(3 * kH, kH);
};

TEST_F(UserStateEncoderTest, HasTheDocumentedLength) {
  EXPECT_EQ(MakeEncoder().StateDim(), kStateDim);
  EXPECT_EQ(Encode({Known("a")}, {Known("b"), Known("c")}).features.size(),
            kStateDim);
}

// Newest first: b weighs 1, a weighs 1/2.
TEST_F(UserStateEncoderTest, FoldsInTheRecencyWeightedMean) {
  const UserState s =
      Encode({Known("a"), Known("b")}, {Known("b"), Known("c")});
  EXPECT_NEAR(s.user_embedding[0], 0.5 / 1.5, 1e-6);
  EXPECT_NEAR(s.user_embedding[1], 2.0 / 1.5, 1e-6);
  EXPECT_NEAR(s.features[0], 0.5 / std::sqrt(4.25), 1e-6);
  EXPECT_NEAR(s.features[1], 2.0 / std::sqrt(4.25), 1e-6);
}

TEST_F(UserStateEncoderTest, SkipsUnknownItemsInTheFold) {
  const UserState with_unknown =
      Encode({Known("a"), Known("?"), Known("b"), Known("z")},
             {Known("b"), Known("c")});
  const UserState without =
      Encode({Known("a"), Known("b")}, {Known("b"), Known("c")});
  EXPECT_EQ(with_unknown.user_embedding, without.user_embedding);
}

TEST_F(UserStateEncoderTest, FoldsInTheNewestOnly) {
  const UserStateEncoder encoder = MakeEncoder(0, /*max_history=*/1);
  const UserState s =
      encoder.Encode(std::vector<Item>{Known("a"), Known("c")},
                     std::vector<Item>{Known("b"), Known("a")}, {0, 2}, {});
  EXPECT_FLOAT_EQ(s.user_embedding[0], 3.0F);
  EXPECT_FLOAT_EQ(s.user_embedding[1], 4.0F);
}

TEST_F(UserStateEncoderTest, ScoresCandidatesByDotProduct) {
  const UserState s =
      Encode({Known("c")}, {Known("a"), Known("b"), Known("?")});
  EXPECT_FLOAT_EQ(s.candidate_scores[0], 3.0F);
  EXPECT_FLOAT_EQ(s.candidate_scores[1], 8.0F);
  // The mean of the others.
  EXPECT_FLOAT_EQ(s.candidate_scores[2], 5.5F);
}

TEST_F(UserStateEncoderTest, DescribesTheCandidates) {
  const UserState s =
      Encode({Known("c")}, {Known("a"), Known("b"), Known("?")});
  const float* f = s.features.data() + kCandidatesBegin;
  EXPECT_NEAR(f[0], (0.6 + 0.8) / 2, 1e-6);  // mean cosine to (3, 4)
  EXPECT_NEAR(f[1], 0.8, 1e-6);              // largest cosine
  EXPECT_NEAR(f[2], 0.2, 1e-6);              // popularity quantiles of .1, .5
  EXPECT_NEAR(f[3], 0.3, 1e-6);
  EXPECT_NEAR(f[4], 0.4, 1e-6);
  EXPECT_NEAR(f[5], 2.5, 1e-5);                    // 8 - 5.5
  EXPECT_NEAR(f[6], std::sqrt(12.5 / 3.0), 1e-5);  // of 3, 8, 5.5
  EXPECT_NEAR(f[7], 1.0 / 3.0, 1e-6);              // unknown
}

TEST_F(UserStateEncoderTest, DescribesTheHistory) {
  const int64_t day = 86400;
  const UserState s = Encode({At("a", 0), At("b", 3 * day), At("c", 4 * day)},
                             {Known("a"), Known("b")});
  const float* f = s.features.data() + kHistoryBegin;
  EXPECT_NEAR(f[0], std::log(4.0), 1e-6);
  EXPECT_NEAR(f[1], 0.3, 1e-6);  // popularity quantiles of .1, .5, .9
  EXPECT_NEAR(f[2], 0.5, 1e-6);
  EXPECT_NEAR(f[3], 0.7, 1e-6);
  EXPECT_NEAR(f[4], (0.0 + 0.6 + 0.8) / 3, 1e-6);  // cosines ab, ac, bc
  EXPECT_NEAR(f[5], std::log(3.0), 1e-6);          // mean gap 2 days
  EXPECT_NEAR(f[6], std::log(2.0), 1e-6);          // last gap 1 day
}

TEST_F(UserStateEncoderTest, FindsTheHistoryNearTheCandidates) {
  const UserState s =
      Encode({Known("a"), Known("?"), Known("c")}, {Known("b"), Known("a")});
  ASSERT_EQ(s.history_nearness.size(), 3);
  EXPECT_NEAR(s.history_nearness[0], 0.5, 1e-6);  // cosines 0, 1
  EXPECT_EQ(s.history_nearness[1], 0.0F);
  EXPECT_NEAR(s.history_nearness[2], 0.7, 1e-6);  // cosines .8, .6
}

TEST_F(UserStateEncoderTest, LeavesThePreviousPartZeroWithoutOne) {
  const UserState s = Encode({Known("a")}, {Known("b"), Known("c")});
  EXPECT_TRUE(s.features.tail(kE + kH + 1).isZero(0.0F));
}

TEST_F(UserStateEncoderTest, SumsThePreviousOptionsAndRunsTheGru) {
  const PreviousIteration previous{
      .options = {1, 0}, .history_length = 1, .ranking = {1, 0}};
  const UserState s = Encode({Known("a")}, {Known("b"), Known("c")}, previous);
  // Rows 0 + 1 and 2 + 0 of the option embeddings.
  EXPECT_TRUE(s.features.segment(kOptionsBegin, kE)
                  .isApprox((options_.row(1) + options_.row(2)).transpose()));
  RowMajorMatrix ranked(2, kD);
  ranked << 3, 4, 0, 2;  // c, b
  const MatrixView w(weights_.data(), 3 * kH, kH);
  const MatrixView b(weights_.data(), 3 * kH, 1);
  EXPECT_TRUE(
      s.features.segment(kGruBegin, kH).isApprox(Gru(w, w, b, b).Run(ranked)));
  EXPECT_EQ(s.features[kStateDim - 1], 1.0F);
}

TEST_F(UserStateEncoderTest, EmbedsUnknownItemsByTheirTitles) {
  const UserStateEncoder encoder = MakeEncoder(16);
  const Item item{.id = "?", .title = "Heat"};
  Eigen::VectorXf sum = Eigen::VectorXf::Zero(kD);
  for (const int bucket : TitleNgrams("Heat", 16)) {
    sum += ngrams_.row(bucket).transpose();
  }
  EXPECT_TRUE(encoder.Embed(item).isApprox(sum / 3.0F));  // 9 n-grams
  const UserState s =
      encoder.Encode(std::vector<Item>{item},
                     std::vector<Item>{Known("a"), Known("b")}, {0, 2}, {});
  EXPECT_TRUE(s.user_embedding.isApprox(sum / 3.0F));
}

TEST_F(UserStateEncoderTest, KnowsNothingOfUnknownItemsWithoutFallback) {
  EXPECT_TRUE(MakeEncoder().Embed(Known("?")).isZero(0.0F));
  const UserState s = Encode({Known("?")}, {Known("x"), Known("y")});
  EXPECT_TRUE(s.user_embedding.isZero(0.0F));
  EXPECT_TRUE(s.candidate_scores.isZero(0.0F));
  EXPECT_EQ(s.features[kCandidatesBegin + 7], 1.0F);
}

TEST_F(UserStateEncoderTest, StaysFiniteOnExtremeTimesAndEmbeddings) {
  const PackedStrings ids({"big", "tiny"});
  const PackedStrings texts({"", ""});
  const float embeddings[4] = {3e38F, -3e38F, 1e-45F, 0.0F};
  const float popularity[2] = {0.0F, 1.0F};
  const UserStateEncoder encoder(
      {.embedding_dim = kD, .gru_hidden = 0, .option_embedding_dim = 1},
      ItemTable(ids.table(), texts.table(), texts.table(),
                MatrixView(embeddings, 2, kD), popularity),
      MatrixView(nullptr, 0, 0), MatrixView(nullptr, 0, 0), Gru());
  const std::vector<Item> history = {
      At("big", std::numeric_limits<int64_t>::min()),
      At("tiny", std::numeric_limits<int64_t>::max()), At("?", 0), Known("b")};
  const std::vector<Item> candidates = {Known("big"), Known("tiny")};
  const UserState s = encoder.Encode(history, candidates, {}, {});
  EXPECT_TRUE(s.features.allFinite());
  EXPECT_LE(s.features.cwiseAbs().maxCoeff(), 1e4F);
  EXPECT_TRUE(s.candidate_scores.allFinite());
  EXPECT_TRUE(s.history_nearness.allFinite());
  EXPECT_TRUE(s.user_embedding.allFinite());
}

TEST_F(UserStateEncoderTest, CountsTimesThatRunBackwardsAsNoGap) {
  const UserState s =
      Encode({At("a", 1000), At("b", 0)}, {Known("a"), Known("b")});
  EXPECT_EQ(s.features[kHistoryBegin + 5], 0.0F);
  EXPECT_EQ(s.features[kHistoryBegin + 6], 0.0F);
}

}  // namespace
}  // namespace attune::policy
