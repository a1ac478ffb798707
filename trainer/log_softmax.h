// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LOG_SOFTMAX_H_
#define ATTUNE_TRAINER_LOG_SOFTMAX_H_

// Log-probabilities from logits. Pure functions; safe from any thread.

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "absl/types/span.h"

namespace attune::trainer {

// log(sum(exp(logits))). Exponentials are floats, their sum a double, so that a
// vocabulary of 200,000 tokens loses no digits. REQUIRES: not empty.
inline double LogSumExp(absl::Span<const float> logits) {
  constexpr Eigen::Index kBlock = 1024;
  const Eigen::Map<const Eigen::ArrayXf> x(
      logits.data(), static_cast<Eigen::Index>(logits.size()));
  const float max = x.maxCoeff();
  double sum = 0.0;
  for (Eigen::Index i = 0; i < x.size(); i += kBlock) {
    const Eigen::Index n = std::min(kBlock, x.size() - i);
    sum += static_cast<double>((x.segment(i, n) - max).exp().sum());
  }
  return static_cast<double>(max) + std::log(sum);
}

// log(exp(a) + exp(b)).
inline double LogAddExp(double a, double b) {
  const double max = std::max(a, b);
  return max + std::log1p(std::exp(std::min(a, b) - max));
}

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LOG_SOFTMAX_H_
