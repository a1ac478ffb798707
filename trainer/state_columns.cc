// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/state_columns.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "policy/user_state.h"

namespace attune::trainer {
namespace {

// Columns that vary less are no features, and none is divided by less.
constexpr float kLeastRange = 1e-4F;
constexpr float kLeastDeviation = 0.02F;
// Samples that the belief in no effect counts for.
constexpr float kRidge = 4.0F;
// Places after the user's embedding.
constexpr int kTrustEnd = policy::kHistoryFeatures + policy::kCandidateFeatures;
constexpr int kTrustBegin = kTrustEnd - policy::kTrustFeatures;

}  // namespace

StateColumns::StateColumns(const policy::RowMajorMatrix& states, int embedding)
    : embedding_(std::min<int>(embedding, static_cast<int>(states.cols()))) {
  center_ = states.colwise().mean();
  deviation_ = (states.rowwise() - center_.transpose())
                   .colwise()
                   .squaredNorm()
                   .transpose() /
               static_cast<float>(states.rows());
  if (embedding_ > 0) {
    deviation_.head(embedding_).setConstant(deviation_.head(embedding_).mean());
  }
  deviation_ = deviation_.cwiseSqrt();
  const Eigen::VectorXf range =
      states.colwise().maxCoeff() - states.colwise().minCoeff();
  for (int j = 0; j < deviation_.size(); ++j) {
    if (range[j] > kLeastRange) columns_.push_back(j);
    if (deviation_[j] < kLeastDeviation) deviation_[j] = 1.0F;
  }
}

Eigen::VectorXf StateColumns::Standardised(const Eigen::VectorXf& state) const {
  Eigen::VectorXf x(size());
  for (int j = 0; j < size(); ++j) {
    const int c = columns_[j];
    x[j] = (state[c] - center_[c]) / deviation_[c];
  }
  return x;
}

StateLayout StateColumns::Layout() const {
  StateLayout layout{.dim = size()};
  for (int j = 0; j < layout.dim; ++j) {
    layout.embedding += columns_[j] < embedding_ ? 1 : 0;
    // After the embedding the encoder puts what there is on the history, its
    // length first, and on the candidates, last of it how far their
    // collaborative scores can be trusted.
    const int place = columns_[j] - embedding_;
    if (place == 0) layout.length = j;
    if (place >= kTrustBegin && place < kTrustEnd) layout.trust.push_back(j);
  }
  return layout;
}

float RidgeFit::Unexplained(const Eigen::VectorXf& features,
                            float value) const {
  return std::isfinite(value) ? value - mean - weights.dot(features) : 0.0F;
}

RidgeFit FitRidge(const Eigen::MatrixXf& features,
                  const Eigen::VectorXf& values) {
  const auto finite = [](float x) { return std::isfinite(x) ? x : 0.0F; };
  const Eigen::ArrayXf known =
      values.unaryExpr([](float x) { return std::isfinite(x) ? 1.0F : 0.0F; });
  RidgeFit fit{.weights = Eigen::VectorXf::Zero(features.cols())};
  if (known.sum() == 0.0F) return fit;
  const Eigen::VectorXf filled = values.unaryExpr(finite);
  fit.mean = filled.sum() / known.sum();
  const Eigen::MatrixXf rows = known.matrix().asDiagonal() * features;
  Eigen::MatrixXf gram = rows.transpose() * rows;
  gram.diagonal().array() += kRidge;
  fit.weights = gram.llt().solve(rows.transpose() *
                                 (filled.array() - fit.mean * known).matrix());
  return fit;
}

}  // namespace attune::trainer
