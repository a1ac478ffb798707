// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_STATE_COLUMNS_H_
#define ATTUNE_TRAINER_STATE_COLUMNS_H_

// States as features of a linear model: the columns that vary, with mean 0 and
// deviation 1. The user's embedding keeps its shape (one deviation for all of
// it): where users vary most, they differ most.
//
// Immutable; safe to call from any thread.

#include <Eigen/Core>
#include <vector>

#include "trainer/reward_model.h"

namespace attune::trainer {

class StateColumns {
 public:
  StateColumns() = default;
  // `states` [n, state_dim] begin with the embedding, of `embedding` numbers.
  StateColumns(const policy::RowMajorMatrix& states, int embedding);

  // [size()] of a state [state_dim].
  Eigen::VectorXf Standardised(const Eigen::VectorXf& state) const;

  // Which numbers of a state, ascending; their deviations.
  const std::vector<int>& columns() const { return columns_; }
  // [state_dim] Means, and deviations, 1 where a column hardly varies.
  const Eigen::VectorXf& center() const { return center_; }
  const Eigen::VectorXf& deviation() const { return deviation_; }
  int size() const { return static_cast<int>(columns_.size()); }
  StateLayout Layout() const;

 private:
  int embedding_ = 0;
  std::vector<int> columns_;
  Eigen::VectorXf center_;
  Eigen::VectorXf deviation_;
};

// Ridge regression of a number on features of mean 0.
struct RidgeFit {
  float mean = 0.0F;
  Eigen::VectorXf weights;  // [p]

  // What it does not explain of a value, in its unit; 0 if the value is not
  // finite.
  float Unexplained(const Eigen::VectorXf& features, float value) const;
};
// On the finite ones of `values` [n]. `features` [n, p]
RidgeFit FitRidge(const Eigen::MatrixXf& features,
                  const Eigen::VectorXf& values);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_STATE_COLUMNS_H_
