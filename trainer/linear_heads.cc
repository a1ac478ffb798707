// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/linear_heads.h"

#include <Eigen/QR>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "trainer/export.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

// X with the smallest norm that minimises |A X - B|.
Eigen::MatrixXd LeastSquares(const Eigen::MatrixXd& a,
                             const Eigen::MatrixXd& b) {
  return Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd>(a).solve(b);
}

// G: random directions of length about 1, which keep options apart.
Eigen::MatrixXd OptionProjection(const NetworkSpec& spec) {
  policy::Rng rng(spec.seed, 0x6c696e);
  Eigen::MatrixXd projection(spec.heads.score_dim,
                             spec.option_embeddings.cols());
  for (double& x : projection.reshaped()) x = Normal(rng);
  return projection;
}

}  // namespace

std::vector<policy::NamedTensor> LinearHeads(const NetworkSpec& spec,
                                             const LinearScores& scores) {
  return LinearHeads(spec, scores, OptionProjection(spec));
}

std::vector<policy::NamedTensor> LinearHeads(
    const NetworkSpec& spec, const LinearScores& scores,
    const Eigen::MatrixXd& projection) {
  const bool sees_earlier =
      spec.heads.kind == policy::HeadsKind::kAutoregressive;
  const Eigen::MatrixXd embeddings = spec.option_embeddings.cast<double>();
  std::vector<policy::NamedTensor> tensors = {
      ToTensor("option_projection", projection.cast<float>())};
  const Eigen::Index d = spec.state_dim;
  const Eigen::Index e = sees_earlier ? embeddings.cols() : 0;
  int offset = 0;
  for (size_t k = 0; k < spec.patterns.size(); ++k) {
    const int n = spec.options_per_pattern[k];
    // Scores as a map of [state; sum of the earlier options' embeddings].
    Eigen::MatrixXd map = Eigen::MatrixXd::Zero(n, d + e);
    map.leftCols(d) = scores.state.middleRows(offset, n).cast<double>();
    if (e > 0 && offset > 0) {
      map.rightCols(e) = LeastSquares(embeddings.topRows(offset),
                                      scores.earlier.block(offset, 0, n, offset)
                                          .transpose()
                                          .cast<double>())
                             .transpose();
    }
    // map = basis * directions, each direction a pair of hidden units.
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(
        map, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Eigen::Index rank = std::min<Eigen::Index>(
        svd.singularValues().size(), spec.heads.hidden / 2);
    const Eigen::MatrixXd directions = svd.matrixV().leftCols(rank).transpose();
    const Eigen::MatrixXd basis = svd.matrixU().leftCols(rank) *
                                  svd.singularValues().head(rank).asDiagonal();
    // W2 for one unit of each direction.
    const Eigen::MatrixXd options =
        embeddings.middleRows(offset, n) * projection.transpose() /
        std::sqrt(static_cast<double>(spec.heads.score_dim));
    const Eigen::MatrixXd w2_half = LeastSquares(options, basis);
    Eigen::MatrixXd w1 = Eigen::MatrixXd::Zero(spec.heads.hidden, d + e);
    Eigen::MatrixXd w2 =
        Eigen::MatrixXd::Zero(spec.heads.score_dim, spec.heads.hidden);
    w1.topRows(rank) = directions;
    w1.middleRows(rank, rank) = -directions;
    w2.leftCols(rank) = w2_half;
    w2.middleCols(rank, rank) = -w2_half;
    const std::string prefix = absl::StrCat("head.", spec.patterns[k], ".");
    tensors.push_back(ToTensor(prefix + "w1", w1.cast<float>()));
    tensors.push_back(ToTensor(
        prefix + "c1", policy::RowMajorMatrix::Zero(spec.heads.hidden, 1)));
    tensors.push_back(ToTensor(prefix + "w2", w2.cast<float>()));
    tensors.push_back(ToTensor(
        prefix + "c2", policy::RowMajorMatrix::Zero(spec.heads.score_dim, 1)));
    tensors.push_back(
        ToTensor(prefix + "bias", scores.bias.segment(offset, n)));
    offset += n;
  }
  return tensors;
}

}  // namespace attune::trainer
