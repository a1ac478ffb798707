// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_reward.h"

#include <algorithm>
#include <cmath>

#include "policy/metrics.h"
#include "trainer/normal.h"
#include "trainer/rank_distribution.h"

namespace attune::trainer {
namespace {

constexpr double kLowest = -8.0;
constexpr double kHighest = 8.0;
constexpr int kSteps = 320;
constexpr int kCutoff = 10;

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
      sum += ExpectedNdcgAt10(above) * kStep * std::exp(-0.5 * z * z) /
             std::sqrt(2.0 * M_PI);
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
