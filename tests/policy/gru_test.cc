// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/gru.h"

#include "gtest/gtest.h"

namespace attune::policy {
namespace {

// Numbers computed by hand from the formulas in gru.h (double precision).
class GruTest : public ::testing::Test {
 protected:
  const float weight_ih_[6] = {0.5F, -0.5F, 0.25F, 1.0F, 1.0F, -1.0F};
  const float weight_hh_[12] = {0.1F, 0.2F, 0.3F, -0.1F, 0.5F, 0.0F,
                                0.0F, 0.5F, 1.0F, -1.0F, 0.5F, 0.5F};
  const float bias_ih_[6] = {0.0F, 0.1F, 0.2F, -0.1F, 0.0F, 0.3F};
  const float bias_hh_[6] = {0.05F, 0.0F, -0.05F, 0.0F, 0.1F, -0.2F};
  const Gru gru_{MatrixView(weight_ih_, 6, 1), MatrixView(weight_hh_, 6, 2),
                 MatrixView(bias_ih_, 6, 1), MatrixView(bias_hh_, 6, 1)};
};

TEST_F(GruTest, EqualsHandComputedStepFromZero) {
  RowMajorMatrix inputs(1, 1);
  inputs << 1.0F;
  const Eigen::VectorXf h = gru_.Run(inputs);
  ASSERT_EQ(h.size(), 2);
  EXPECT_NEAR(h[0], 0.31581950, 1e-6);
  EXPECT_NEAR(h[1], -0.18870874, 1e-6);
}

TEST_F(GruTest, CarriesTheStateToTheSecondStep) {
  RowMajorMatrix inputs(2, 1);
  inputs << 1.0F, -2.0F;
  const Eigen::VectorXf h = gru_.Run(inputs);
  EXPECT_NEAR(h[0], -0.37771185, 1e-6);
  EXPECT_NEAR(h[1], 0.85877185, 1e-6);
}

TEST_F(GruTest, IsZeroOverNothing) {
  EXPECT_EQ(gru_.Run(RowMajorMatrix(0, 1)), Eigen::VectorXf::Zero(2));
}

TEST(NoGruTest, HasNoHiddenState) {
  EXPECT_EQ(Gru().hidden(), 0);
  EXPECT_EQ(Gru().Run(RowMajorMatrix::Ones(2, 3)).size(), 0);
}

}  // namespace
}  // namespace attune::policy
