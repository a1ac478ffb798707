// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/smoothed_reward.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "trainer/rank_distribution.h"

namespace attune::trainer {
namespace {

// Standard deviation of all scores but the target's.
double DeviationOfOthers(absl::Span<const float> scores, int target) {
  const auto n = static_cast<double>(scores.size()) - 1.0;
  double sum = 0.0, squares = 0.0;
  for (const float score : scores) sum += score;
  const double mean = (sum - scores[target]) / n;
  for (const float score : scores) squares += std::pow(score - mean, 2);
  squares -= std::pow(scores[target] - mean, 2);
  return n > 0.0 ? std::sqrt(std::max(0.0, squares / n)) : 0.0;
}

double ProbabilityAbove(double lead, double deviation) {
  if (deviation <= 0.0) return lead > 0.0 ? 1.0 : lead < 0.0 ? 0.0 : 0.5;
  return 0.5 * std::erfc(-lead / deviation * M_SQRT1_2);
}

}  // namespace

float SmoothedReward(absl::Span<const float> scores, int target) {
  for (const float score : scores) {
    if (!std::isfinite(score)) return std::numeric_limits<float>::quiet_NaN();
  }
  const double deviation = DeviationOfOthers(scores, target);
  std::vector<double> above;
  for (size_t j = 0; j < scores.size(); ++j) {
    if (static_cast<int>(j) == target) continue;
    above.push_back(ProbabilityAbove(scores[j] - scores[target], deviation));
  }
  return static_cast<float>(ExpectedNdcgAt10(above));
}

}  // namespace attune::trainer
