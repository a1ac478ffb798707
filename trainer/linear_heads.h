// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LINEAR_HEADS_H_
#define ATTUNE_TRAINER_LINEAR_HEADS_H_

// Linear scores as the heads of policy/actor.h, in closed form: what
//   score_k(a) = A_k[a] . s + sum_{j<k} C[a, a_j] + b[a]
// says, the actor says, without training. A hidden layer of ReLUs is linear in
// pairs, relu(z) - relu(-z) = z, one pair for each of the score's directions (an
// SVD, so as many as hidden / 2 suffice for as many options exactly); W2 is the
// least-squares solution of G e(a) . W2 h / sqrt(m) = score for all options a.
//
// Pure functions; safe to call from any thread.

#include <Eigen/Core>
#include <vector>

#include "policy/item_table.h"
#include "policy/revision.h"
#include "trainer/actor_network.h"

namespace attune::trainer {

struct LinearScores {
  policy::RowMajorMatrix state;  // [total options, state_dim] A
  Eigen::MatrixXf earlier;       // [total, total] C; read where j < k
  Eigen::VectorXf bias;          // [total] b
};

// Tensors "option_projection" and "head.<pattern>.*". Scores of earlier options
// are left out if the heads are independent. Exact if the options' embeddings
// are linearly independent and no pattern has more than hidden / 2 or score_dim
// options; otherwise the closest in the sense of least squares.
std::vector<policy::NamedTensor> LinearHeads(const NetworkSpec& spec,
                                             const LinearScores& scores);

// The same for a given G [score_dim, e], of full rank on each pattern's options.
std::vector<policy::NamedTensor> LinearHeads(const NetworkSpec& spec,
                                             const LinearScores& scores,
                                             const Eigen::MatrixXd& projection);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LINEAR_HEADS_H_
