// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/weight_posterior.h"

#include <utility>

#include "trainer/blas.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

Eigen::MatrixXf Noise(Eigen::Index rows, int count, policy::Rng& rng) {
  Eigen::MatrixXf noise(rows, count);
  for (float& x : noise.reshaped()) x = static_cast<float>(Normal(rng));
  return noise;
}

}  // namespace

void WeightPosterior::FitSums(Eigen::MatrixXf gram, Eigen::VectorXf moment) {
  by_rows_ = false;
  columns_.resize(0, 0);
  factor_ = std::move(gram);
  factor_.diagonal().array() += 1.0F;
  CholeskyInPlace(factor_);
  mean_ = std::move(moment);
  SolveLower(factor_, mean_);
  SolveLowerTransposed(factor_, mean_);
}

void WeightPosterior::FitRows(Eigen::MatrixXf columns,
                              const Eigen::VectorXf& targets) {
  by_rows_ = true;
  columns_ = std::move(columns);
  factor_.setZero(columns_.cols(), columns_.cols());
  Square(columns_, factor_);
  factor_.diagonal().array() += 1.0F;
  CholeskyInPlace(factor_);
  Eigen::MatrixXf solved = targets;
  SolveLower(factor_, solved);
  SolveLowerTransposed(factor_, solved);
  mean_.noalias() = columns_ * solved;
}

Eigen::MatrixXf WeightPosterior::Spread(Eigen::Index weights, int count,
                                        policy::Rng& rng) const {
  Eigen::MatrixXf spread = Noise(weights, count, rng);
  if (!fitted()) return spread;
  if (!by_rows_) {
    SolveLowerTransposed(factor_, spread);
    return spread;
  }
  // v0 - X' B^-1 (X v0 + e) with v0 and e of the prior.
  const Eigen::MatrixXf noise = Noise(columns_.cols(), count, rng);
  Eigen::MatrixXf seen(columns_.cols(), count);
  MultiplyTransposed(columns_, spread, seen);
  seen += noise;
  SolveLower(factor_, seen);
  SolveLowerTransposed(factor_, seen);
  Eigen::MatrixXf known(weights, count);
  Multiply(columns_, seen, known);
  return spread - known;
}

double WeightPosterior::Variance(Eigen::VectorXf f) const {
  if (!by_rows_) {
    SolveLower(factor_, f);
    return static_cast<double>(f.squaredNorm());
  }
  Eigen::MatrixXf seen = columns_.transpose() * f;
  SolveLower(factor_, seen);
  return static_cast<double>(f.squaredNorm()) -
         static_cast<double>(seen.squaredNorm());
}

}  // namespace attune::trainer
