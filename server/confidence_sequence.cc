// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/confidence_sequence.h"

#include <algorithm>
#include <cmath>

namespace attune::server {
namespace {

constexpr double kMaxLambda = 0.5;  // c

}  // namespace

ConfidenceSequence::ConfidenceSequence(double alpha)
    : log_inverse_alpha_(-std::log(alpha)) {}

void ConfidenceSequence::Add(double x) {
  x = x <= 0.0 ? 0.0 : x < 1.0 ? x : 1.0;
  ++count_;
  const double t = static_cast<double>(count_);
  // Both of the numbers before x alone.
  const double mean = (0.5 + sum_) / t;
  const double variance = (0.25 + squares_) / t;
  const double lambda = std::min(
      kMaxLambda,
      std::sqrt(2.0 * log_inverse_alpha_ / (variance * t * std::log1p(t))));
  const double psi = (-std::log1p(-lambda) - lambda) / 4.0;
  weights_ += lambda;
  weighted_ += lambda * x;
  variation_ += 4.0 * (x - mean) * (x - mean) * psi;
  sum_ += x;
  const double new_mean = (0.5 + sum_) / (t + 1.0);
  squares_ += (x - new_mean) * (x - new_mean);
}

double ConfidenceSequence::mean() const {
  return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_);
}

double ConfidenceSequence::Margin() const {
  return (log_inverse_alpha_ + variation_) / weights_;
}

double ConfidenceSequence::Lower() const {
  if (count_ == 0) return 0.0;
  return std::clamp(weighted_ / weights_ - Margin(), 0.0, 1.0);
}

double ConfidenceSequence::Upper() const {
  if (count_ == 0) return 1.0;
  return std::clamp(weighted_ / weights_ + Margin(), 0.0, 1.0);
}

}  // namespace attune::server
