// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ENVIRONMENT_H_
#define ATTUNE_TRAINER_ENVIRONMENT_H_

// The decision problem as an environment: a task is one user's history, honest
// candidates and the hidden target; a reward is that user's own NDCG@10.
//
// Honest candidates: negatives the user never touched, drawn uniformly or by
// popularity in training (uniformly once those run out); the caller's order is
// shuffled per user, and the displayed position of the target is stratified
// over positions.
//
// Thread-compatible: const methods may run concurrently.

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "policy/item.h"
#include "policy/policy.h"
#include "policy/ranking.h"
#include "trainer/dataset.h"

namespace attune::trainer {

enum class NegativeSampling { kUniform, kPopularity };

struct EnvironmentOptions {
  int num_candidates = 10;
  NegativeSampling negatives = NegativeSampling::kPopularity;
  // Most recent interactions sent as history, as a caller would.
  int max_history = 50;
  uint64_t seed = 1;
};

// One user's problem.
struct Task {
  int user = 0;  // index into Dataset::users; -1 for simulated tasks
  // Simulated tasks: LlmRequest::sim_task.
  int64_t sim_task = -1;
  std::vector<policy::Item> history;     // oldest first, before the target
  std::vector<policy::Item> candidates;  // shuffled; a caller would send this
  int target = 0;                        // index into candidates
  // The displayed order; the target's position is stratified.
  policy::Permutation permutation = policy::Permutation::Identity(0);
};

class Environment {
 public:
  // kInvalidArgument if the options are out of range or a user touched so many
  // items that too few negatives are left.
  static absl::Status Check(const Dataset& dataset,
                            const EnvironmentOptions& options);

  // `dataset` must outlive the environment. REQUIRES: Check() is OK.
  Environment(const Dataset& dataset, EnvironmentOptions options);

  // The `draw`-th task of a user: same arguments, same task. `ordinal` is the
  // user's place in the round; target position = ordinal mod num_candidates
  // (shifted by draw).
  Task MakeTask(int user, int draw, int ordinal) const;

  const Dataset& dataset() const { return dataset_; }
  const EnvironmentOptions& options() const { return options_; }

 private:
  const Dataset& dataset_;
  EnvironmentOptions options_;
  // Train counts, summed from the first item on.
  std::vector<int64_t> cumulative_popularity_;
};

// NDCG@10 of the target in the ranking. In [0, 1].
float Reward(const Task& task, const policy::Ranking& ranking);

// NDCG@10 of the target among the candidates by `scores` (one a candidate,
// larger is better; equal ones count as above the target). In [0, 1]. With the
// user state's collaborative scores it foretells the reward of any prompt, in
// particular of one whose hint names the best candidates.
float Ease(const Task& task, absl::Span<const float> scores);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ENVIRONMENT_H_
