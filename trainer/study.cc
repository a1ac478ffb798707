// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/study.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "policy/metrics.h"

namespace attune::trainer {
namespace {

constexpr int kCutoff = 10;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The row of each task.
std::vector<int> RowsOf(absl::Span<const Task> tasks, int& rows) {
  // Simulated tasks without a user sort by their own number.
  std::map<std::pair<int, size_t>, int> row_of;
  const auto key = [&](size_t i) {
    return std::pair(tasks[i].user, tasks[i].user < 0 ? i : size_t{0});
  };
  for (size_t i = 0; i < tasks.size(); ++i) row_of[key(i)] = 0;
  rows = 0;
  for (auto& [user, row] : row_of) row = rows++;
  std::vector<int> result;
  for (size_t i = 0; i < tasks.size(); ++i) result.push_back(row_of[key(i)]);
  return result;
}

Interval IntervalOf(absl::Span<const Task> tasks, const MethodRun& run,
                    Slice slice, uint64_t seed,
                    const std::function<double(int rank)>& metric) {
  const SeedTable table =
      PerUser(tasks, run.outcomes.size(), slice, [&](size_t s, size_t i) {
        const int rank = run.outcomes[s][i].rank;
        return rank == 0 ? kNone : metric(rank);
      });
  return HierarchicalMean(table, seed).interval;
}

SliceMetrics MetricsOf(absl::Span<const Task> tasks, const MethodRun& run,
                       Slice slice, uint64_t seed) {
  const auto interval = [&](const std::function<double(int)>& metric) {
    return IntervalOf(tasks, run, slice, seed, metric);
  };
  const auto ndcg_at = [&](int k) {
    return interval([k](int rank) { return policy::NdcgAt(k, rank); });
  };
  SliceMetrics metrics{.slice = slice};
  for (size_t i = 0; i < tasks.size(); ++i) {
    const bool known = std::any_of(
        run.outcomes.begin(), run.outcomes.end(),
        [i](const std::vector<Outcome>& seed) { return seed[i].rank > 0; });
    metrics.tasks += known && InSlice(tasks[i], slice) ? 1 : 0;
  }
  if (metrics.tasks == 0) return metrics;
  metrics.ndcg_at_1 = ndcg_at(1);
  metrics.ndcg_at_5 = ndcg_at(5);
  metrics.ndcg_at_10 = ndcg_at(kCutoff);
  metrics.mrr = interval(policy::ReciprocalRank);
  metrics.hit_at_1 =
      interval([](int rank) { return policy::HitRateAt(1, rank); });
  metrics.users = metrics.ndcg_at_10.count;
  const int candidates = static_cast<int>(tasks[0].candidates.size());
  metrics.normalised_ndcg = Normalised(
      metrics.ndcg_at_10.mean, policy::RandomNdcgAt(kCutoff, candidates));
  return metrics;
}

const MethodRun* Find(absl::Span<const MethodRun> runs,
                      const std::string& name) {
  for (const MethodRun& run : runs) {
    if (run.name == name) return &run;
  }
  return nullptr;
}

// One family: all methods against one baseline on one slice.
std::vector<Comparison> CompareAll(absl::Span<const Task> tasks,
                                   absl::Span<const MethodRun> runs,
                                   const MethodRun& baseline, Slice slice,
                                   uint64_t seed) {
  std::vector<Comparison> family;
  std::vector<double> p_values;
  for (const MethodRun& run : runs) {
    const bool chooses =
        run.kind == MethodKind::kPrompt || run.kind == MethodKind::kLearner;
    if (!chooses || run.name == baseline.name) continue;
    const BootstrapResult result =
        HierarchicalMean(PairedNdcg(tasks, run, baseline, slice), seed);
    if (result.interval.count == 0) continue;
    family.push_back({.method = run.name,
                      .baseline = baseline.name,
                      .slice = slice,
                      .difference = result.interval,
                      .p = result.p});
    p_values.push_back(result.p);
  }
  const std::vector<double> adjusted = HolmAdjust(p_values);
  for (size_t i = 0; i < family.size(); ++i) family[i].p_holm = adjusted[i];
  return family;
}

}  // namespace

const char* SliceName(Slice slice) {
  switch (slice) {
    case Slice::kAll:
      return "all";
    case Slice::kColdUsers:
      return "cold_users";
    case Slice::kColdItems:
      return "cold_items";
    case Slice::kHeavyUsers:
      return "heavy_users";
  }
  return "";
}

bool InSlice(const Task& task, Slice slice) {
  switch (slice) {
    case Slice::kAll:
      return true;
    case Slice::kColdUsers:
      return task.slices.cold_user;
    case Slice::kColdItems:
      return task.slices.cold_item;
    case Slice::kHeavyUsers:
      return task.slices.heavy_user;
  }
  return false;
}

SeedTable PerUser(absl::Span<const Task> tasks, size_t seeds, Slice slice,
                  const TaskValue& value) {
  int rows = 0;
  const std::vector<int> row_of = RowsOf(tasks, rows);
  const auto columns = static_cast<Eigen::Index>(seeds);
  SeedTable sums = SeedTable::Zero(rows, columns);
  SeedTable counts = sums;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!InSlice(tasks[i], slice)) continue;
    for (Eigen::Index s = 0; s < columns; ++s) {
      const double one = value(static_cast<size_t>(s), i);
      if (one != one) continue;
      sums(row_of[i], s) += one;
      counts(row_of[i], s) += 1.0;
    }
  }
  return (counts.array() > 0.0)
      .select(sums.array() / counts.array().max(1.0), kNone);
}

double NdcgOf(const Outcome& outcome) {
  return outcome.rank == 0 ? kNone : policy::NdcgAt(kCutoff, outcome.rank);
}

SeedTable PairedNdcg(absl::Span<const Task> tasks, const MethodRun& a,
                     const MethodRun& b, Slice slice) {
  const auto of_seed = [](const MethodRun& run, size_t s, size_t i) {
    return NdcgOf(run.outcomes[run.outcomes.size() == 1 ? 0 : s][i]);
  };
  return PerUser(
      tasks, std::max(a.outcomes.size(), b.outcomes.size()), slice,
      [&](size_t s, size_t i) { return of_seed(a, s, i) - of_seed(b, s, i); });
}

MethodSummary Summarise(absl::Span<const Task> tasks, const MethodRun& run,
                        uint64_t seed) {
  MethodSummary summary{.name = run.name,
                        .kind = run.kind,
                        .train_llm_calls = run.train_llm_calls,
                        .cost = run.cost};
  for (const Slice slice : kSlices) {
    summary.slices.push_back(MetricsOf(tasks, run, slice, seed));
  }
  return summary;
}

std::vector<Comparison> Compare(absl::Span<const Task> tasks,
                                absl::Span<const MethodRun> runs,
                                absl::Span<const std::string> baselines,
                                uint64_t seed) {
  std::vector<Comparison> comparisons;
  for (const std::string& name : baselines) {
    const MethodRun* baseline = Find(runs, name);
    if (baseline == nullptr) continue;
    for (const Slice slice : kSlices) {
      for (Comparison& one : CompareAll(tasks, runs, *baseline, slice, seed)) {
        comparisons.push_back(std::move(one));
      }
    }
  }
  return comparisons;
}

std::vector<ShuffleDrop> DropsOf(absl::Span<const Task> tasks,
                                 const MethodRun& run,
                                 const MethodRun& shuffled, ShuffleScope scope,
                                 uint64_t seed) {
  std::vector<ShuffleDrop> drops;
  for (const Slice slice : kSlices) {
    const BootstrapResult result =
        HierarchicalMean(PairedNdcg(tasks, run, shuffled, slice), seed);
    if (result.interval.count == 0) continue;
    drops.push_back({.method = run.name,
                     .scope = scope,
                     .slice = slice,
                     .drop = result.interval,
                     .p = result.p});
  }
  return drops;
}

}  // namespace attune::trainer
