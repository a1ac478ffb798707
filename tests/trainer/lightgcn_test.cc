// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/lightgcn.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/sample_dataset.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::attune::testing::TwoTastes;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 3;

LightGcnOptions Small() {
  return {.dim = 8, .epochs = 30, .batch_size = 64, .learning_rate = 0.02F};
}

// Mean cosine of the items of one half with each other and with the other half.
struct Similarity {
  double within = 0.0;
  double across = 0.0;
};

Similarity Similarities(policy::RowMajorMatrix items) {
  items.rowwise().normalize();
  const Eigen::Index half = items.rows() / 2;
  const auto upper = items.topRows(half);
  const auto lower = items.bottomRows(half);
  const Eigen::MatrixXf within = upper * upper.transpose();
  return {(within.sum() - half) / (half * (half - 1.0)),
          (upper * lower.transpose()).mean()};
}

TEST(LightGcnTest, FindsTheTwoTastes) {
  const auto result = TrainLightGcn(TwoTastes(kSeed), Small());
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->items.rows(), 40);
  EXPECT_EQ(result->items.cols(), 8);
  EXPECT_EQ(result->users.rows(), 36);
  const Similarity similarity = Similarities(result->items);
  EXPECT_GT(similarity.within, similarity.across + 0.5);
}

TEST(LightGcnTest, LossFallsFromChance) {
  std::vector<double> losses;
  const auto result = TrainLightGcn(
      TwoTastes(kSeed), Small(), [&](const LightGcnProgress& progress) {
        losses.push_back(progress.loss);
        EXPECT_EQ(progress.epoch, static_cast<int>(losses.size()));
        return true;
      });
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(losses.size(), 30);
  EXPECT_NEAR(losses.front(), 0.693, 0.05);  // ln 2: no opinion
  EXPECT_LT(losses.back(), 0.8 * losses.front());
  EXPECT_EQ(result->final_loss, losses.back());
}

TEST(LightGcnTest, SameSeedGivesTheSameBits) {
  const Dataset dataset = TwoTastes(kSeed);
  const auto first = TrainLightGcn(dataset, Small());
  const auto again = TrainLightGcn(dataset, Small());
  LightGcnOptions options = Small();
  options.seed = 2;
  const auto other = TrainLightGcn(dataset, options);
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ(first->items, again->items);
  EXPECT_EQ(first->users, again->users);
  EXPECT_NE(first->items, other->items);
}

// With no training to speak of, E is the mean of the propagated layers: users
// with the same items and items with the same users are the same.
TEST(LightGcnTest, PropagatesOverTheNormalisedGraph) {
  Dataset dataset;
  dataset.items.resize(3);
  for (int u = 0; u < 2; ++u) {
    User user;
    user.history = {{0, 1.0F, 1}, {1, 1.0F, 2}};
    user.targets = {{2, 1.0F, 3}};
    dataset.users.push_back(user);
  }
  LightGcnOptions options = {.dim = 4, .layers = 0, .epochs = 1};
  options.learning_rate = 1e-12F;
  const auto initial = TrainLightGcn(dataset, options);
  options.layers = 1;
  const auto result = TrainLightGcn(dataset, options);
  ASSERT_THAT(result, IsOk());
  // Two users, two items (the third is a target), all of degree 2: the weight
  // of each edge is 1/2.
  const Eigen::RowVectorXf users = 0.5F * initial->users.colwise().sum();
  const Eigen::RowVectorXf items =
      0.5F * (initial->items.row(0) + initial->items.row(1));
  EXPECT_TRUE(result->items.row(0).isApprox(
      0.5F * (initial->items.row(0) + users), 1e-4F));
  EXPECT_TRUE(result->users.row(1).isApprox(
      0.5F * (initial->users.row(1) + items), 1e-4F));
  EXPECT_TRUE(
      result->items.row(2).isApprox(0.5F * initial->items.row(2), 1e-4F));
}

TEST(LightGcnTest, StopsWhenTold) {
  int calls = 0;
  EXPECT_THAT(
      TrainLightGcn(TwoTastes(kSeed), Small(),
                    [&](const LightGcnProgress&) { return ++calls < 3; }),
      StatusIs(absl::StatusCode::kCancelled, HasSubstr("stop")));
  EXPECT_EQ(calls, 3);
}

TEST(LightGcnTest, RefusesOptionsOutOfRange) {
  const Dataset dataset = TwoTastes(kSeed);
  for (const LightGcnOptions& options :
       {LightGcnOptions{.dim = 0}, LightGcnOptions{.layers = -1},
        LightGcnOptions{.epochs = 0}, LightGcnOptions{.batch_size = 0},
        LightGcnOptions{.learning_rate = 0.0F}, LightGcnOptions{.l2 = -1.0F}}) {
    EXPECT_THAT(
        TrainLightGcn(dataset, options),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("LightGCN")));
  }
}

TEST(LightGcnTest, RefusesDataWithoutTrainUsers) {
  Dataset dataset = TwoTastes(kSeed);
  for (User& user : dataset.users) user.split = UserSplit::kTest;
  EXPECT_THAT(
      TrainLightGcn(dataset, Small()),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("train user")));
}

}  // namespace
}  // namespace attune::trainer
