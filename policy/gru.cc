// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/gru.h"

namespace attune::policy {
namespace {

template <typename Array>
auto Sigmoid(const Array& x) {
  return 1.0F / (1.0F + (-x).exp());
}

}  // namespace

Gru::Gru() = default;

Gru::Gru(MatrixView weight_ih, MatrixView weight_hh, MatrixView bias_ih,
         MatrixView bias_hh)
    : weight_ih_(weight_ih),
      weight_hh_(weight_hh),
      bias_ih_(bias_ih),
      bias_hh_(bias_hh) {}

Eigen::VectorXf Gru::Run(const RowMajorMatrix& inputs) const {
  const Eigen::Index h = hidden();
  Eigen::VectorXf state = Eigen::VectorXf::Zero(h);
  if (h == 0) return state;
  // The inputs' share of every step, in one product: [T, 3h].
  const RowMajorMatrix from_inputs =
      (inputs * weight_ih_.transpose()).rowwise() + bias_ih_.col(0).transpose();
  Eigen::VectorXf from_state(3 * h);
  for (Eigen::Index t = 0; t < inputs.rows(); ++t) {
    from_state.noalias() = weight_hh_ * state;
    from_state += bias_hh_.col(0);
    const auto x = from_inputs.row(t).transpose().array();
    const auto y = from_state.array();
    const Eigen::ArrayXf r = Sigmoid(x.head(h) + y.head(h));
    const Eigen::ArrayXf z = Sigmoid(x.segment(h, h) + y.segment(h, h));
    const Eigen::ArrayXf n = (x.tail(h) + r * y.tail(h)).tanh();
    state = ((1.0F - z) * n + z * state.array()).matrix();
  }
  return state;
}

}  // namespace attune::policy
