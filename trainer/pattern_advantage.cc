// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/pattern_advantage.h"

#include <Eigen/Dense>
#include <algorithm>
#include <numeric>

#include "policy/random.h"

namespace attune::trainer {
namespace {

// Index of a pattern's first option among all.
std::vector<int> Offsets(const policy::Catalog& catalog) {
  std::vector<int> offsets = {0};
  for (const policy::Pattern& pattern : catalog.patterns) {
    offsets.push_back(offsets.back() +
                      static_cast<int>(pattern.options.size()));
  }
  return offsets;
}

// greedy[k][a]: states in which pattern k's agent prefers option a.
std::vector<std::vector<int>> GreedyCounts(const policy::Policy& policy,
                                           absl::Span<const Sample> samples) {
  std::vector<std::vector<int>> counts;
  for (const policy::Pattern& pattern : policy.catalog().patterns) {
    counts.emplace_back(pattern.options.size(), 0);
  }
  policy::Rng rng(0);  // a greedy choice draws nothing
  for (const Sample& sample : samples) {
    const policy::Choice choice =
        policy.actor().Decide(sample.state, policy::DecisionMode::kGreedy, rng);
    for (size_t k = 0; k < counts.size(); ++k) {
      ++counts[k][choice.patterns[k].option];
    }
  }
  return counts;
}

int Parent(const policy::Pattern& pattern, const std::vector<int>& greedy,
           const std::vector<double>& effects) {
  int best = -1;
  for (int a = 0; a < static_cast<int>(pattern.options.size()); ++a) {
    if (pattern.options[a].text.empty()) continue;
    if (best < 0 || greedy[a] > greedy[best] ||
        (greedy[a] == greedy[best] && effects[a] > effects[best])) {
      best = a;
    }
  }
  return best;
}

double Advantage(const std::vector<int>& greedy,
                 const std::vector<double>& effects) {
  const int states = std::accumulate(greedy.begin(), greedy.end(), 0);
  if (states == 0) return 0.0;
  double chosen = 0.0;
  for (size_t a = 0; a < effects.size(); ++a) {
    chosen += greedy[a] * effects[a] / states;
  }
  return chosen - std::accumulate(effects.begin(), effects.end(), 0.0) /
                      static_cast<double>(effects.size());
}

}  // namespace

std::vector<std::vector<double>> MainEffects(const policy::Catalog& catalog,
                                             absl::Span<const Sample> samples,
                                             double prior) {
  const std::vector<int> offsets = Offsets(catalog);
  const auto n = static_cast<Eigen::Index>(samples.size());
  const Eigen::Index options = offsets.back();
  // One column an option, and the ease.
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(n, options + 1);
  Eigen::VectorXd y(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (size_t k = 0; k < catalog.patterns.size(); ++k) {
      x(i, offsets[k] + samples[i].options[k]) = 1.0;
    }
    x(i, options) = samples[i].ease;
    y[i] = samples[i].reward;
  }
  Eigen::VectorXd solution = Eigen::VectorXd::Zero(options + 1);
  if (n > 0) {
    x.rowwise() -= x.colwise().mean().eval();
    y.array() -= y.mean();
    Eigen::MatrixXd gram = x.transpose() * x;
    gram.diagonal().array() += prior;
    solution = gram.ldlt().solve(x.transpose() * y);
  }
  std::vector<std::vector<double>> effects;
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    effects.emplace_back(solution.data() + offsets[k],
                         solution.data() + offsets[k + 1]);
  }
  return effects;
}

std::vector<PatternAdvantage> PatternAdvantages(
    const policy::Policy& policy, absl::Span<const Sample> samples) {
  const policy::Catalog& catalog = policy.catalog();
  const auto effects = MainEffects(catalog, samples);
  const auto greedy = GreedyCounts(policy, samples);
  std::vector<PatternAdvantage> advantages;
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    const policy::Pattern& pattern = catalog.patterns[k];
    if (pattern.kind == policy::PatternKind::kHistory) continue;
    const int parent = Parent(pattern, greedy[k], effects[k]);
    if (parent < 0) continue;
    advantages.push_back({.pattern = static_cast<int>(k),
                          .advantage = Advantage(greedy[k], effects[k]),
                          .parent = parent});
  }
  std::stable_sort(advantages.begin(), advantages.end(),
                   [](const PatternAdvantage& a, const PatternAdvantage& b) {
                     return a.advantage < b.advantage;
                   });
  return advantages;
}

}  // namespace attune::trainer
