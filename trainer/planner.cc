// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/planner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace attune::trainer {
namespace {

// Of the normal distribution's two-sided 95 % interval.
constexpr double kNormal95 = 1.959964;

}  // namespace

GainInterval IntervalOf(const Learner::Gain& gain) {
  const double half = kNormal95 * gain.deviation;
  return {.mean = gain.mean, .low = gain.mean - half, .high = gain.mean + half};
}

bool NarrowEnough(const GainInterval& interval, int64_t learned,
                  const PlannerOptions& options) {
  return options.stop_width > 0.0 && learned >= options.stop_after &&
         interval.high - interval.low <= options.stop_width;
}

int UncertainTasks(int tasks, const PlannerOptions& options) {
  return std::clamp(
      static_cast<int>(std::floor(tasks * options.uncertain_share)), 0,
      std::max(0, tasks - 1));
}

std::vector<int> MostUncertain(const Eigen::VectorXf& deviation, int count) {
  std::vector<int> order(deviation.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return deviation[a] > deviation[b]; });
  order.resize(count);
  return order;
}

int64_t CallsLeft(int64_t budget, int64_t spent, int64_t lost) {
  const int64_t cautious = budget - spent - lost;
  return cautious > 0 ? cautious : std::max<int64_t>(0, budget - spent);
}

}  // namespace attune::trainer
