// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_BREAKDOWN_H_
#define ATTUNE_TRAINER_BREAKDOWN_H_

// Looks inside an evaluation: NDCG@10 by the target's displayed position, and
// which options a policy chose for which kind of user.
//
// Pure functions; safe to call from any thread.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/catalog.h"
#include "policy/policy.h"
#include "trainer/environment.h"
#include "trainer/evaluate.h"

namespace attune::trainer {

struct PositionPoint {
  std::string method;
  int position = 0;  // displayed, from 0
  double ndcg_at_10 = 0.0;
  int tasks = 0;
};
// One point a position at which a task's target is displayed.
std::vector<PositionPoint> PositionCurve(absl::Span<const Task> tasks,
                                         const MethodRun& run);

// What kind of task it is, by what the user state says of it.
struct TaskTraits {
  double history_length = 0.0;
  double popularity = 0.0;  // median popularity of the history
  double diversity = 0.0;   // 1 - mean pairwise similarity of the history
  double margin = 0.0;      // collaborative score of the best over the second
};
absl::StatusOr<std::vector<TaskTraits>> DescribeTasks(
    const policy::Policy& policy, absl::Span<const Task> tasks);

struct OptionShare {
  std::string option;
  double share = 0.0;
};
struct ChoiceShares {
  std::string method;
  std::string pattern;
  // "history_length", "popularity", "diversity" or "margin"
  std::string group_by;
  // "1-3", "4-10", "11-30", "31+"; "low", "middle", "high"
  std::string group;
  int tasks = 0;
  std::vector<OptionShare> shares;  // of every option, summing to 1
};
// Over all seeds. Groups other than of the history's length are thirds of the
// tasks; groups without tasks are left out.
std::vector<ChoiceShares> ChoicesByGroup(const policy::Catalog& catalog,
                                         absl::Span<const TaskTraits> traits,
                                         const MethodRun& run);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_BREAKDOWN_H_
