// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/weight_posterior.h"

#include <Eigen/LU>

#include "gtest/gtest.h"
#include "policy/random.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kSeed = 41;
constexpr int kDraws = 20000;

Eigen::MatrixXf Random(int rows, int cols, policy::Rng& rng) {
  Eigen::MatrixXf values(rows, cols);
  for (float& x : values.reshaped()) x = static_cast<float>(Normal(rng));
  return values;
}

// Few rows and many, by both forms, against the formula in doubles.
class WeightPosteriorTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    policy::Rng rng(kSeed);
    columns_ = Random(6, GetParam(), rng);
    targets_ = Random(GetParam(), 1, rng);
    f_ = Random(6, 1, rng);
    const Eigen::MatrixXd x = columns_.transpose().cast<double>();
    const Eigen::MatrixXd precision =
        Eigen::MatrixXd::Identity(6, 6) + x.transpose() * x;
    covariance_ = precision.inverse();
    mean_ = covariance_ * x.transpose() * targets_.cast<double>();
    by_rows_.FitRows(columns_, targets_);
    by_sums_.FitSums(columns_ * columns_.transpose(), columns_ * targets_);
  }

  Eigen::MatrixXf columns_;
  Eigen::VectorXf targets_, f_;
  Eigen::MatrixXd covariance_;
  Eigen::VectorXd mean_;
  WeightPosterior by_rows_, by_sums_;
};

TEST_P(WeightPosteriorTest, MeanAndVarianceEqualTheClosedForm) {
  const Eigen::VectorXd f = f_.cast<double>();
  for (const WeightPosterior* posterior : {&by_rows_, &by_sums_}) {
    EXPECT_LT((posterior->mean().cast<double>() - mean_).norm(), 1e-5);
    EXPECT_NEAR(posterior->Variance(f_), f.dot(covariance_ * f), 1e-5);
  }
}

TEST_P(WeightPosteriorTest, DrawsHaveTheCovariance) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  for (const WeightPosterior* posterior : {&by_rows_, &by_sums_}) {
    policy::Rng rng(kSeed, 1);
    const Eigen::MatrixXd draws =
        posterior->Spread(6, kDraws, rng).cast<double>();
    const Eigen::MatrixXd covariance = draws * draws.transpose() / kDraws;
    EXPECT_LT((covariance - covariance_).cwiseAbs().maxCoeff(), 0.03);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, WeightPosteriorTest,
                         ::testing::Values(1, 4, 30));

TEST(WeightPosteriorUnfittedTest, DrawsFromThePrior) {
  policy::Rng rng(kSeed, 2);
  const WeightPosterior posterior;
  EXPECT_FALSE(posterior.fitted());
  const Eigen::MatrixXf draws = posterior.Spread(3, kDraws, rng);
  EXPECT_NEAR(draws.squaredNorm() / (3.0 * kDraws), 1.0, 0.03);
}

}  // namespace
}  // namespace attune::trainer
