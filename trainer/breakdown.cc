// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/breakdown.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "policy/status_macros.h"
#include "trainer/chooser.h"
#include "trainer/statistics.h"
#include "trainer/study.h"

namespace attune::trainer {
namespace {

// Places in UserState::features after the user embedding.
constexpr int kMedianPopularity = 2;
constexpr int kPairwiseSimilarity = 4;
constexpr int kMargin = 7 + 5;

using Group = std::function<std::string(const TaskTraits&)>;

std::string LengthGroup(const TaskTraits& traits) {
  if (traits.history_length <= kColdHistory) return "1-3";
  if (traits.history_length <= 10) return "4-10";
  return traits.history_length <= 30 ? "11-30" : "31+";
}

Group Thirds(absl::Span<const TaskTraits> traits, double TaskTraits::*trait) {
  std::vector<double> values;
  for (const TaskTraits& one : traits) values.push_back(one.*trait);
  std::sort(values.begin(), values.end());
  const double low = Quantile(values, 1.0 / 3.0);
  const double high = Quantile(values, 2.0 / 3.0);
  return [low, high, trait](const TaskTraits& one) {
    if (one.*trait <= low) return "low";
    return one.*trait <= high ? "middle" : "high";
  };
}

// Group -> counts of the options of pattern k.
std::map<std::string, std::vector<int>> Count(
    absl::Span<const TaskTraits> traits, const MethodRun& run,
    const Group& group, size_t k, size_t options) {
  std::map<std::string, std::vector<int>> counts;
  for (const std::vector<Outcome>& seed : run.outcomes) {
    for (size_t i = 0; i < seed.size(); ++i) {
      if (seed[i].options.empty()) continue;
      std::vector<int>& of_group = counts[group(traits[i])];
      of_group.resize(options, 0);
      ++of_group[seed[i].options[k]];
    }
  }
  return counts;
}

std::vector<OptionShare> Shares(const policy::Pattern& pattern,
                                const std::vector<int>& counts, int tasks) {
  std::vector<OptionShare> shares;
  for (size_t option = 0; option < counts.size(); ++option) {
    shares.push_back({.option = pattern.options[option].id,
                      .share = static_cast<double>(counts[option]) / tasks});
  }
  return shares;
}

}  // namespace

std::vector<PositionPoint> PositionCurve(absl::Span<const Task> tasks,
                                         const MethodRun& run) {
  std::map<int, std::vector<double>> by_position;
  for (const std::vector<Outcome>& seed : run.outcomes) {
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (seed[i].rank == 0) continue;
      by_position[tasks[i].permutation.PositionOf(tasks[i].target)].push_back(
          NdcgOf(seed[i]));
    }
  }
  std::vector<PositionPoint> curve;
  for (const auto& [position, values] : by_position) {
    curve.push_back({.method = run.name,
                     .position = position,
                     .ndcg_at_10 = Mean(values),
                     .tasks = static_cast<int>(values.size())});
  }
  return curve;
}

absl::StatusOr<std::vector<TaskTraits>> DescribeTasks(
    const policy::Policy& policy, absl::Span<const Task> tasks) {
  const int dim = policy.encoder().settings().embedding_dim;
  std::vector<TaskTraits> traits;
  for (const Task& task : tasks) {
    ATTUNE_ASSIGN_OR_RETURN(const policy::UserState state,
                            policy.Encode(RequestOf(task, /*seed=*/0)));
    traits.push_back(
        {.history_length = static_cast<double>(task.history.size()),
         .popularity = state.features[dim + kMedianPopularity],
         .diversity = 1.0 - state.features[dim + kPairwiseSimilarity],
         .margin = state.features[dim + kMargin]});
  }
  return traits;
}

std::vector<ChoiceShares> ChoicesByGroup(const policy::Catalog& catalog,
                                         absl::Span<const TaskTraits> traits,
                                         const MethodRun& run) {
  if (traits.empty()) return {};
  const std::vector<std::pair<std::string, Group>> groupings = {
      {"history_length", LengthGroup},
      {"popularity", Thirds(traits, &TaskTraits::popularity)},
      {"diversity", Thirds(traits, &TaskTraits::diversity)},
      {"margin", Thirds(traits, &TaskTraits::margin)}};
  std::vector<ChoiceShares> result;
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    const policy::Pattern& pattern = catalog.patterns[k];
    for (const auto& [name, group] : groupings) {
      for (const auto& [label, counts] :
           Count(traits, run, group, k, pattern.options.size())) {
        int tasks = 0;
        for (const int count : counts) tasks += count;
        result.push_back({.method = run.name,
                          .pattern = pattern.name,
                          .group_by = name,
                          .group = label,
                          .tasks = tasks,
                          .shares = Shares(pattern, counts, tasks)});
      }
    }
  }
  return result;
}

}  // namespace attune::trainer
