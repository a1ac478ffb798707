// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_reward.h"

#include <algorithm>
#include <cmath>

#include "policy/metrics.h"

namespace attune::trainer {
namespace {

constexpr double kLowest = -8.0;
constexpr double kHighest = 8.0;
constexpr int kSteps = 320;
constexpr int kCutoff = 10;

double NormalCdf(double x) { return 0.5 * std::erfc(-x / M_SQRT2); }

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

SimReward::SimReward(int candidates, double position_bias, double deviation)
    : candidates_(candidates),
      position_bias_(position_bias),
      deviation_(deviation) {
  for (int rank = 1; rank <= candidates; ++rank) {
    chance_ += policy::NdcgAt(kCutoff, rank) / candidates;
  }
  for (int step = 0; step <= kSteps; ++step) {
    table_.push_back(Integrate(kLowest + (kHighest - kLowest) * step / kSteps));
  }
}

double SimReward::Bias(int position) const {
  return position_bias_ * (0.5 - position / (candidates_ - 1.0));
}

double SimReward::Integrate(double quality) const {
  // The trapezoid rule converges faster than any power for a normal density.
  constexpr double kStep = 0.5;
  constexpr double kEnd = 6.0;
  double sum = 0.0;
  for (int position = 0; position < candidates_; ++position) {
    for (double z = -kEnd; z <= kEnd; z += kStep) {
      std::vector<double> above;
      for (int other = 0; other < candidates_; ++other) {
        if (other == position) continue;
        const double lead =
            quality + Bias(position) - Bias(other) + deviation_ * z;
        above.push_back(NormalCdf(-lead / deviation_));
      }
      const std::vector<double> counts = PoissonBinomial(above);
      double value = 0.0;
      for (int rank = 1; rank <= candidates_; ++rank) {
        value += counts[rank - 1] * policy::NdcgAt(kCutoff, rank);
      }
      sum += value * kStep * std::exp(-0.5 * z * z) / std::sqrt(2.0 * M_PI);
    }
  }
  return sum / candidates_;
}

double SimReward::Expected(double quality) const {
  const double place = (std::clamp(quality, kLowest, kHighest) - kLowest) /
                       (kHighest - kLowest) * kSteps;
  const int below = std::min(static_cast<int>(place), kSteps - 1);
  const double share = place - below;
  return (1.0 - share) * table_[below] + share * table_[below + 1];
}

}  // namespace attune::trainer
