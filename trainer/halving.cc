// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/halving.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace attune::trainer {
namespace {

// Mean of the rewards of task i over which `valid[i]`; -1 if there is none.
double MeanOver(const Trial& trial, const std::vector<bool>& valid) {
  double sum = 0.0;
  int n = 0;
  for (size_t i = 0; i < valid.size(); ++i) {
    if (!valid[i]) continue;
    sum += trial.rewards[i];
    ++n;
  }
  return n > 0 ? sum / n : -1.0;
}

}  // namespace

std::vector<HalvingRound> HalvingSchedule(int prompts, int budget,
                                          int min_tasks, int max_tasks) {
  std::vector<HalvingRound> rounds;
  const auto halvings = [](int n) {
    int count = 1;
    while (n > 2) {
      n = (n + 1) / 2;
      ++count;
    }
    return count;
  };
  while (prompts > 1 && budget / halvings(prompts) / prompts < min_tasks) {
    --prompts;
  }
  const int share = budget / halvings(prompts);
  for (int seen = 0; seen < max_tasks; prompts = (prompts + 1) / 2) {
    const int tasks = std::min(share / prompts, max_tasks - seen);
    if (tasks < 1) break;
    rounds.push_back({prompts, tasks});
    seen += tasks;
    if (prompts <= 2) break;
  }
  return rounds;
}

std::vector<int> BetterHalf(absl::Span<const Trial> trials) {
  std::vector<int> order(trials.size());
  std::iota(order.begin(), order.end(), 0);
  if (trials.empty()) return order;
  std::vector<bool> valid(trials[0].rewards.size(), true);
  for (const Trial& trial : trials) {
    for (size_t i = 0; i < valid.size(); ++i) {
      if (std::isnan(trial.rewards[i])) valid[i] = false;
    }
  }
  std::vector<double> means;
  for (const Trial& trial : trials) means.push_back(MeanOver(trial, valid));
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return means[a] > means[b]; });
  order.resize((order.size() + 1) / 2);
  return order;
}

}  // namespace attune::trainer
