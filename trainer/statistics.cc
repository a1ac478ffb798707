// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "policy/random.h"

namespace attune::trainer {
namespace {

// Stream of the seed; see policy::Rng.
constexpr uint64_t kBootstrapStream = 41;

}  // namespace

double Mean(absl::Span<const double> values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
}

double StandardError(absl::Span<const double> values) {
  if (values.size() < 2) return 0.0;
  const double mean = Mean(values);
  double sum = 0.0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  const auto n = static_cast<double>(values.size());
  return std::sqrt(sum / (n - 1.0) / n);
}

Interval BootstrapMean(absl::Span<const double> values, uint64_t seed,
                       int resamples, double tail) {
  if (values.empty() || resamples < 1) return {};
  const auto n = static_cast<uint32_t>(values.size());
  policy::Rng rng(seed, kBootstrapStream);
  std::vector<double> means(resamples);
  for (double& mean : means) {
    double sum = 0.0;
    for (uint32_t i = 0; i < n; ++i) sum += values[rng.Below(n)];
    mean = sum / n;
  }
  std::sort(means.begin(), means.end());
  return {.mean = Mean(values),
          .low = Quantile(means, tail),
          .high = Quantile(means, 1.0 - tail),
          .count = static_cast<int>(n)};
}

Interval PairedDifference(absl::Span<const double> a,
                          absl::Span<const double> b, uint64_t seed,
                          int resamples, double tail) {
  std::vector<double> differences(a.size());
  for (size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];
  return BootstrapMean(differences, seed, resamples, tail);
}

double Quantile(const std::vector<double>& ascending, double q) {
  const double place = q * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (place - static_cast<double>(below)) *
                                (ascending[above] - ascending[below]);
}

std::vector<double> HolmAdjust(absl::Span<const double> p_values) {
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return p_values[a] < p_values[b];
  });
  std::vector<double> adjusted(p_values.size());
  double largest = 0.0;
  for (size_t i = 0; i < order.size(); ++i) {
    const double times = static_cast<double>(order.size() - i);
    largest = std::max(largest, std::min(1.0, times * p_values[order[i]]));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

double Normalised(double value, double chance) {
  return (value - chance) / (1.0 - chance);
}

}  // namespace attune::trainer
