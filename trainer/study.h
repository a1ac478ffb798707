// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_STUDY_H_
#define ATTUNE_TRAINER_STUDY_H_

// What the outcomes of methods x training seeds x tasks amount to: metrics by
// slice, comparisons with the baselines, the user-shuffle test. Nothing here
// asks an LLM; everything is a function of its arguments.
//
// Users are the unit: several tasks of one user are averaged before anything
// else, so that repeated draws do not feign more users. Pairs are of tasks, so
// what failed for one method does not count for the other.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "trainer/environment.h"
#include "trainer/evaluate.h"
#include "trainer/hierarchical_bootstrap.h"
#include "trainer/statistics.h"
#include "trainer/user_shuffle.h"

namespace attune::trainer {

enum class Slice { kAll, kColdUsers, kColdItems, kHeavyUsers };
inline constexpr Slice kSlices[] = {Slice::kAll, Slice::kColdUsers,
                                    Slice::kColdItems, Slice::kHeavyUsers};
// "all", "cold_users", "cold_items", "heavy_users".
const char* SliceName(Slice slice);
bool InSlice(const Task& task, Slice slice);

// One row for each user of the tasks, ascending (simulated tasks without a user
// have one each); one column a seed; NaN for users without a task in the slice.
// `value` of seed and task; NaN leaves the task out.
using TaskValue = std::function<double(size_t seed, size_t task)>;
SeedTable PerUser(absl::Span<const Task> tasks, size_t seeds, Slice slice,
                  const TaskValue& value);

// NDCG@10 of the outcome; NaN if it has no rank.
double NdcgOf(const Outcome& outcome);
// NDCG@10 of `a` minus that of `b`, on tasks that both have. A run of one seed
// is compared with every seed of the other.
SeedTable PairedNdcg(absl::Span<const Task> tasks, const MethodRun& a,
                     const MethodRun& b, Slice slice);

struct SliceMetrics {
  Slice slice = Slice::kAll;
  int tasks = 0;
  int users = 0;  // with an outcome
  Interval ndcg_at_1, ndcg_at_5, ndcg_at_10, mrr, hit_at_1;
  // NDCG@10 between chance (0) and perfection (1).
  double normalised_ndcg = 0.0;
};

struct MethodSummary {
  std::string name;
  MethodKind kind = MethodKind::kPrompt;
  int64_t train_llm_calls = 0;
  Cost cost;
  std::vector<SliceMetrics> slices;  // in the order of kSlices
};
MethodSummary Summarise(absl::Span<const Task> tasks, const MethodRun& run,
                        uint64_t seed);

// NDCG@10 of `method` minus that of `baseline`.
struct Comparison {
  std::string method;
  std::string baseline;
  Slice slice = Slice::kAll;
  Interval difference;
  double p = 1.0;
  // Adjusted for all methods compared with this baseline on this slice.
  double p_holm = 1.0;
};
// Every prompt and learner with each of the baselines that was run; empty slices
// are left out.
std::vector<Comparison> Compare(absl::Span<const Task> tasks,
                                absl::Span<const MethodRun> runs,
                                absl::Span<const std::string> baselines,
                                uint64_t seed);

// What is lost when users get each other's choices.
struct ShuffleDrop {
  std::string method;
  ShuffleScope scope = ShuffleScope::kAllUsers;
  Slice slice = Slice::kAll;
  Interval drop;
  double p = 1.0;
};
std::vector<ShuffleDrop> DropsOf(absl::Span<const Task> tasks,
                                 const MethodRun& run,
                                 const MethodRun& shuffled, ShuffleScope scope,
                                 uint64_t seed);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_STUDY_H_
