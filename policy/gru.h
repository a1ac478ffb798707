// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_GRU_H_
#define ATTUNE_POLICY_GRU_H_

// A gated recurrent unit, forward only. Cho et al. 2014 with PyTorch's gate
// order (r, z, n) and two biases, so that torch::nn::GRU's weights can be
// copied over:
//   r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
//   z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
//   n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
//   h' = (1 - z) * n + z * h

#include <Eigen/Core>

#include "policy/item_table.h"

namespace attune::policy {

// Views must outlive the object. Thread-compatible.
class Gru {
 public:
  // No GRU: hidden() is 0.
  Gru();
  // weight_ih [3h, d], weight_hh [3h, h], biases [3h, 1].
  Gru(MatrixView weight_ih, MatrixView weight_hh, MatrixView bias_ih,
      MatrixView bias_hh);

  int hidden() const { return static_cast<int>(weight_hh_.cols()); }
  // Last hidden state after the rows of `inputs` [T, d], from zero.
  Eigen::VectorXf Run(const RowMajorMatrix& inputs) const;

 private:
  MatrixView weight_ih_{nullptr, 0, 0};
  MatrixView weight_hh_{nullptr, 0, 0};
  MatrixView bias_ih_{nullptr, 0, 0};
  MatrixView bias_hh_{nullptr, 0, 0};
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_GRU_H_
