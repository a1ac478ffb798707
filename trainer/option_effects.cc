// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/option_effects.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "policy/random.h"
#include "trainer/statistics.h"

namespace attune::trainer {
namespace {

// Stream of the seed; see policy::Rng.
constexpr uint64_t kStream = 44;

using Groups = std::vector<std::vector<double>>;

bool Estimable(absl::Span<const std::vector<double>> groups) {
  return groups.size() > 1 &&
         std::any_of(groups.begin(), groups.end(),
                     [](const auto& group) { return group.size() > 1; });
}

// Deals all values anew, group sizes kept.
void Permute(policy::Rng& rng, Groups& groups) {
  std::vector<double> all;
  for (const auto& group : groups) {
    all.insert(all.end(), group.begin(), group.end());
  }
  for (auto i = static_cast<uint32_t>(all.size()); i > 1; --i) {
    std::swap(all[i - 1], all[rng.Below(i)]);
  }
  size_t next = 0;
  for (auto& group : groups) {
    for (double& value : group) value = all[next++];
  }
}

}  // namespace

double VarianceBetween(absl::Span<const std::vector<double>> groups) {
  if (!Estimable(groups)) return 0.0;
  double n = 0.0;
  double squares = 0.0;
  double sum = 0.0;
  for (const auto& group : groups) {
    const auto size = static_cast<double>(group.size());
    n += size;
    squares += size * size;
    sum += size * Mean(group);
  }
  const auto k = static_cast<double>(groups.size());
  double between = 0.0;
  double within = 0.0;
  for (const auto& group : groups) {
    const double mean = Mean(group);
    between +=
        static_cast<double>(group.size()) * (mean - sum / n) * (mean - sum / n);
    for (const double value : group) within += (value - mean) * (value - mean);
  }
  const double n0 = (n - squares / n) / (k - 1.0);
  return (between / (k - 1.0) - within / (n - k)) / n0;
}

OptionEffect EstimateOptionEffect(absl::Span<const std::vector<double>> gains,
                                  uint64_t seed, int permutations) {
  Groups groups;
  std::vector<double> means;
  for (const std::vector<double>& user : gains) {
    if (user.empty()) continue;
    groups.push_back(user);
    means.push_back(Mean(user));
  }
  OptionEffect effect{.mean = Mean(means),
                      .standard_error = StandardError(means),
                      .users = static_cast<int>(means.size())};
  if (!Estimable(groups)) return effect;
  const double variance = VarianceBetween(groups);
  effect.between_user_deviation = std::sqrt(std::max(0.0, variance));
  policy::Rng rng(seed, kStream);
  int as_large = 1;
  for (int i = 0; i < permutations; ++i) {
    Permute(rng, groups);
    as_large += VarianceBetween(groups) >= variance ? 1 : 0;
  }
  effect.p = as_large / (1.0 + permutations);
  return effect;
}

}  // namespace attune::trainer
