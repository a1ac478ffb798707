// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/item_features.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/random.h"
#include "policy/text_features.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/sample_dataset.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::attune::testing::TwoTastes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kSeed = 9;

policy::RowMajorMatrix RandomMatrix(int rows, int columns) {
  policy::Rng rng(kSeed);
  return policy::RowMajorMatrix::NullaryExpr(
      rows, columns, [&rng] { return 2.0F * rng.UnitFloat() - 1.0F; });
}

// Embeddings that the title foretells: one axis per half.
policy::RowMajorMatrix TasteEmbeddings(const Dataset& dataset) {
  const auto n = static_cast<int>(dataset.items.size());
  policy::RowMajorMatrix embeddings = 0.1F * RandomMatrix(n, 4);
  for (int i = 0; i < n; ++i) embeddings(i, i < n / 2 ? 0 : 1) += 3.0F;
  return embeddings;
}

TEST(QuantilesTest, CountsEqualOnesHalf) {
  EXPECT_THAT(Quantiles({5, 1, 5, 9}), ElementsAre(0.5F, 0.125F, 0.5F, 0.875F));
  EXPECT_THAT(Quantiles({3}), ElementsAre(0.5F));
  EXPECT_THAT(Quantiles({}), IsEmpty());
}

TEST(ItemFeaturesTest, OrdersTheTableByIdAndNormalises) {
  const Dataset dataset = TwoTastes(kSeed);
  const policy::RowMajorMatrix embeddings = TasteEmbeddings(dataset);
  const auto features = BuildItemFeatures(dataset, embeddings, {});
  ASSERT_THAT(features, IsOk());
  ASSERT_EQ(features->strings.size(), 3);
  const std::vector<std::string>& ids = features->strings[0].values;
  EXPECT_EQ(features->strings[0].name, "item_ids");
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  const policy::NamedTensor& table = features->tensors[0];
  EXPECT_EQ(table.name, "item_embeddings");
  EXPECT_THAT(table.shape, ElementsAre(static_cast<int64_t>(ids.size()), 4));
  for (size_t row = 0; row < ids.size(); ++row) {
    const int item = 1000 - std::stoi(ids[row]);
    EXPECT_EQ(features->strings[1].values[row], dataset.items[item].title);
    EXPECT_EQ(features->strings[2].values[row], dataset.items[item].genres[0]);
    const Eigen::RowVectorXf expected = embeddings.row(item).normalized();
    for (int k = 0; k < 4; ++k) {
      EXPECT_FLOAT_EQ(table.values[4 * row + k], expected[k]);
    }
  }
}

TEST(ItemFeaturesTest, LeavesOutItemsThatNoTrainUserTouched) {
  Dataset dataset = TwoTastes(kSeed);
  policy::Item unseen;
  unseen.id = unseen.title = "unseen";
  dataset.items.push_back(unseen);
  const auto features =
      BuildItemFeatures(dataset, RandomMatrix(41, 4), {.ngram_buckets = 0});
  ASSERT_THAT(features, IsOk());
  EXPECT_THAT(features->strings[0].values,
              ::testing::Not(::testing::Contains("unseen")));
  EXPECT_EQ(features->tensors.size(), 2);  // no fallback asked for
}

TEST(ItemFeaturesTest, TitlesForetellTheEmbeddingsOfUnseenItems) {
  const Dataset dataset = TwoTastes(kSeed);
  const auto features =
      BuildItemFeatures(dataset, TasteEmbeddings(dataset),
                        {.ngram_buckets = 1024, .held_out_share = 0.25});
  ASSERT_THAT(features, IsOk());
  EXPECT_EQ(features->ngrams.held_out_items, 10);
  EXPECT_GT(features->ngrams.cosine, 0.9);
  EXPECT_GT(features->ngrams.cosine, features->ngrams.mean_cosine + 0.1);
  EXPECT_EQ(features->tensors[2].name, "ngram_weights");
  EXPECT_THAT(features->tensors[2].shape, ElementsAre(1024, 4));
}

TEST(ItemFeaturesTest, IsAFunctionOfItsArguments) {
  const Dataset dataset = TwoTastes(kSeed);
  const auto first = BuildItemFeatures(dataset, TasteEmbeddings(dataset), {});
  const auto again = BuildItemFeatures(dataset, TasteEmbeddings(dataset), {});
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(first->tensors[2].values, again->tensors[2].values);
  EXPECT_EQ(first->ngrams.cosine, again->ngrams.cosine);
}

TEST(ItemFeaturesTest, RefusesOptionsOutOfRange) {
  const Dataset dataset = TwoTastes(kSeed);
  const policy::RowMajorMatrix embeddings = RandomMatrix(40, 4);
  for (const int buckets : {-1, 1000, 131072}) {
    EXPECT_THAT(
        BuildItemFeatures(dataset, embeddings, {.ngram_buckets = buckets}),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("ngram_buckets")));
  }
  EXPECT_THAT(BuildItemFeatures(dataset, embeddings, {.ridge = 0.0F}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("ridge")));
  EXPECT_THAT(BuildItemFeatures(dataset, RandomMatrix(39, 4), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("one row for each item")));
}

// Against the closed form (X^T X + ridge I)^-1 X^T Y.
TEST(FitNgramsTest, SolvesTheRidgeRegression) {
  const std::vector<std::vector<int>> buckets_of = {
      {0, 1, 1, 2}, {2, 3}, {}, {5, 0, 7}, {6}};
  const policy::RowMajorMatrix targets = RandomMatrix(5, 3);
  Eigen::MatrixXf x = Eigen::MatrixXf::Zero(5, 8);
  for (int i = 0; i < 5; ++i) {
    const auto n = static_cast<float>(buckets_of[i].size());
    for (const int bucket : buckets_of[i]) {
      x(i, bucket) += 1.0F / std::sqrt(n);
    }
  }
  const Eigen::MatrixXf normal =
      x.transpose() * x + 0.5F * Eigen::MatrixXf::Identity(8, 8);
  const Eigen::MatrixXf expected = normal.ldlt().solve(x.transpose() * targets);
  const policy::RowMajorMatrix weights =
      FitNgrams(buckets_of, targets, 8, 0.5F);
  EXPECT_LT((weights - expected).cwiseAbs().maxCoeff(), 1e-4F);
  EXPECT_GT(expected.cwiseAbs().maxCoeff(), 0.1F);
}

}  // namespace
}  // namespace attune::trainer
