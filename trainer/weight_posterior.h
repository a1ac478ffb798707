// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_WEIGHT_POSTERIOR_H_
#define ATTUNE_TRAINER_WEIGHT_POSTERIOR_H_

// Bayesian linear regression y = X v + e with v ~ N(0, I) and e ~ N(0, I):
//   v | y ~ N(A^-1 X' y, A^-1), A = I + X' X.
// Two forms of the same: from the sums X' X and X' y, whose time does not grow
// with the number of rows, or from the rows, by B = I + X X', whose time hardly
// grows with the number of weights:
//   A^-1 X' = X' B^-1 and A^-1 = I - X' B^-1 X.
// So a fit to few rewards is quick, and one to many is no slower than its
// weights make it.
//
// Source for draws from the rows: Bhattacharya, Chakraborty & Mallick 2016
// (Biometrika 103), Matheron's rule.
//
// Thread-compatible. Deterministic: same operands, same bits.

#include <Eigen/Core>

#include "policy/random.h"

namespace attune::trainer {

class WeightPosterior {
 public:
  // From X' X, whose upper triangle is not read, and X' y.
  void FitSums(Eigen::MatrixXf gram, Eigen::VectorXf moment);
  // From X', one column a row of X, and y.
  void FitRows(Eigen::MatrixXf columns, const Eigen::VectorXf& targets);

  bool fitted() const { return mean_.size() > 0; }
  const Eigen::VectorXf& mean() const { return mean_; }
  // Draws from N(0, A^-1), of N(0, I) before any fit. [weights, count]
  Eigen::MatrixXf Spread(Eigen::Index weights, int count,
                         policy::Rng& rng) const;
  // f' A^-1 f. REQUIRES: fitted.
  double Variance(Eigen::VectorXf f) const;

 private:
  bool by_rows_ = false;
  Eigen::MatrixXf factor_;   // lower Cholesky factor of A, or of B
  Eigen::MatrixXf columns_;  // X'; empty if the fit was to sums
  Eigen::VectorXf mean_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_WEIGHT_POSTERIOR_H_
