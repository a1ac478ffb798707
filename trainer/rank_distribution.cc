// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rank_distribution.h"

#include "policy/metrics.h"

namespace attune::trainer {
namespace {

constexpr int kCutoff = 10;

// Probability of each number of successes of independent trials.
std::vector<double> PoissonBinomial(const std::vector<double>& trials) {
  std::vector<double> counts = {1.0};
  for (const double p : trials) {
    counts.push_back(0.0);
    for (size_t i = counts.size(); i-- > 0;) {
      counts[i] = counts[i] * (1.0 - p) + (i > 0 ? counts[i - 1] * p : 0.0);
    }
  }
  return counts;
}

}  // namespace

double ExpectedNdcgAt10(const std::vector<double>& above) {
  const std::vector<double> counts = PoissonBinomial(above);
  double expected = 0.0;
  for (size_t i = 0; i < counts.size(); ++i) {
    expected += counts[i] * policy::NdcgAt(kCutoff, static_cast<int>(i) + 1);
  }
  return expected;
}

}  // namespace attune::trainer
