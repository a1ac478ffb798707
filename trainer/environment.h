// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ENVIRONMENT_H_
#define ATTUNE_TRAINER_ENVIRONMENT_H_

// The decision problem as an environment: a task is one user's history, honest
// candidates and the hidden target; a reward is that user's own NDCG@10.
//
// Honest candidates: negatives the user never touched, drawn uniformly, by
// popularity in training (uniformly once those run out), or hard ones, which
// item-kNN likes best for this user's history; the caller's order is shuffled
// per user, and the displayed position of the target is stratified over
// positions.
//
// Slices are a mixture that train, validation and test users share, so that
// what is learned can be served: a stated share of the users is shown with at
// most three history items, and where the target is a cold item
// (Dataset::cold), half of the negatives are cold as well, for a lone unknown
// item would give itself away. With warm targets no negative is cold.
//
// Thread-compatible: const methods may run concurrently.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "policy/item.h"
#include "policy/policy.h"
#include "policy/random.h"
#include "policy/ranking.h"
#include "trainer/dataset.h"

namespace attune::trainer {

class ItemKnn;

enum class NegativeSampling { kUniform, kPopularity, kHard };

struct EnvironmentOptions {
  int num_candidates = 10;
  NegativeSampling negatives = NegativeSampling::kPopularity;
  // Most recent interactions sent as history, as a caller would.
  int max_history = 50;
  // Share of the users whose history is cut to 1, 2 or 3 items. In [0, 1].
  double cold_user_share = 0.0;
  // Share of the users who are heavy: with the longest histories, of equal ones
  // with the largest weights. In [0, 1].
  double heavy_user_share = 0.2;
  uint64_t seed = 1;
};

// At most so many history items are shown of a cold user.
inline constexpr int kColdHistory = 3;

// What kind of task it is.
struct TaskSlices {
  // At most kColdHistory history items shown: the history was cut, or is short.
  bool cold_user = false;
  // The target and half of the negatives were never seen in collaborative
  // training.
  bool cold_item = false;
  // Of the users with the longest histories, and not cut.
  bool heavy_user = false;
};

// One user's problem.
struct Task {
  int user = 0;  // index into Dataset::users; -1 for simulated tasks
  // Simulated tasks: LlmRequest::sim_task.
  int64_t sim_task = -1;
  std::vector<policy::Item> history;     // oldest first, before the target
  std::vector<policy::Item> candidates;  // shuffled; a caller would send this
  int target = 0;                        // index into candidates
  int target_index = 0;                  // index into User::targets
  TaskSlices slices;
  // The displayed order; the target's position is stratified.
  policy::Permutation permutation = policy::Permutation::Identity(0);
};

class Environment {
 public:
  // kInvalidArgument if the options are out of range or a user touched so many
  // items that too few negatives are left, cold ones included.
  static absl::Status Check(const Dataset& dataset,
                            const EnvironmentOptions& options);

  // `dataset` must outlive the environment. REQUIRES: Check() is OK.
  Environment(const Dataset& dataset, EnvironmentOptions options);

  ~Environment();

  // The `draw`-th task of a user: same arguments, same task. Draws go through
  // the user's targets in turn (target_index = draw mod their number); the
  // history shown is the same in every draw, the negatives are not. `ordinal`
  // is the user's place in the round; target position = ordinal mod
  // num_candidates (shifted by draw).
  Task MakeTask(int user, int draw, int ordinal) const;

  const Dataset& dataset() const { return dataset_; }
  const EnvironmentOptions& options() const { return options_; }

 private:
  // Items that negatives are drawn from.
  struct Pool {
    std::vector<int> items;
    // Popularity, summed from the first item on; empty: all are alike.
    std::vector<int64_t> cumulative;
  };

  Pool MakePool(bool cold) const;
  // History items shown of a user.
  int HistoryShown(int user) const;
  // Distinct untouched items for one of the user's targets.
  std::vector<int> Negatives(const User& user, int shown, bool cold_target,
                             policy::Rng& rng) const;
  // The warm untouched items that item-kNN likes best, at most `count`.
  std::vector<int> LikedItems(const User& user, int shown, size_t count) const;

  const Dataset& dataset_;
  EnvironmentOptions options_;
  std::vector<bool> heavy_;  // per user
  Pool warm_;
  Pool cold_;
  std::unique_ptr<const ItemKnn> knn_;  // for hard negatives
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
