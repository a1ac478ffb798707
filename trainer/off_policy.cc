// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/off_policy.h"

#include <algorithm>
#include <cmath>

#include "trainer/normal.h"

namespace attune::trainer {
namespace {

// Of the standard normal distribution, by bisection.
double NormalQuantile(double tail) {
  double low = 0.0;
  double high = 40.0;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (NormalCdf(-middle) > tail ? low : high) = middle;
  }
  return low;
}

// The ratio of two means, and what each decision adds to it.
std::vector<double> SelfNormalised(absl::Span<const WeighedDecision> rows) {
  double weights = 0.0;
  double rewards = 0.0;
  for (const WeighedDecision& row : rows) {
    weights += row.weight;
    rewards += row.weight * row.reward;
  }
  const double value = rewards / weights;
  const double mean = weights / static_cast<double>(rows.size());
  std::vector<double> values;
  for (const WeighedDecision& row : rows) {
    values.push_back(value + row.weight / mean * (row.reward - value));
  }
  return values;
}

double InfluenceValue(Estimator estimator, const WeighedDecision& row) {
  if (estimator == Estimator::kIps) return row.weight * row.reward;
  if (estimator == Estimator::kPseudoInverse) {
    return row.slate_weight * row.reward;
  }
  return row.weight * (row.reward - row.predicted) + row.expected;
}

}  // namespace

const char* NameOf(Estimator estimator) {
  switch (estimator) {
    case Estimator::kIps:
      return "ips";
    case Estimator::kSnips:
      return "snips";
    case Estimator::kDoublyRobust:
      return "doubly_robust";
    case Estimator::kPseudoInverse:
      return "pseudo_inverse";
  }
  return "";
}

std::vector<double> InfluenceValues(Estimator estimator,
                                    absl::Span<const WeighedDecision> rows) {
  if (estimator == Estimator::kSnips) return SelfNormalised(rows);
  std::vector<double> values;
  for (const WeighedDecision& row : rows) {
    values.push_back(InfluenceValue(estimator, row));
  }
  return values;
}

Estimate ClusteredMean(absl::Span<const double> values,
                       absl::Span<const int> users, double tail) {
  const double mean = Mean(values);
  Estimate estimate{.value = mean, .low = mean, .high = mean};
  const int clusters = 1 + *std::max_element(users.begin(), users.end());
  if (clusters < 2) return estimate;
  std::vector<double> sums(clusters, 0.0);
  for (size_t i = 0; i < values.size(); ++i) sums[users[i]] += values[i] - mean;
  double squares = 0.0;
  for (const double sum : sums) squares += sum * sum;
  const double correction = clusters / (clusters - 1.0);
  estimate.standard_error =
      std::sqrt(correction * squares) / static_cast<double>(values.size());
  const double half =
      StudentQuantile(clusters - 1, tail) * estimate.standard_error;
  estimate.low = mean - half;
  estimate.high = mean + half;
  return estimate;
}

double EffectiveSize(absl::Span<const double> weights) {
  double sum = 0.0;
  double squares = 0.0;
  for (const double weight : weights) {
    sum += weight;
    squares += weight * weight;
  }
  return squares > 0.0 ? sum * sum / squares : 0.0;
}

double StudentQuantile(int freedom, double tail) {
  const double z = NormalQuantile(tail);
  // Abramowitz and Stegun 26.7.5.
  const double v = freedom;
  return z + (z * z * z + z) / (4.0 * v) +
         (5.0 * std::pow(z, 5) + 16.0 * z * z * z + 3.0 * z) / (96.0 * v * v);
}

}  // namespace attune::trainer
