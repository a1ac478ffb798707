// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ROUND_PLAN_H_
#define ATTUNE_TRAINER_ROUND_PLAN_H_

// What a round asks: tasks, several choices on each, and the prompts of the
// first iteration. The choices of one task share its candidates, their
// displayed order and the seed of the decoding (common random numbers), so that
// what differs is the prompt alone.
//
// Pure functions of their arguments and the learner's state.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/learner.h"
#include "trainer/planner.h"
#include "trainer/rollout.h"
#include "trainer/task_stream.h"

namespace attune::trainer {

struct RoundOptions {
  // Episodes of a round, default prompts included. >= 1.
  int batch_size = 32;
  // Choices tried on each task; no two alike where that can be avoided. >= 1.
  int choices_per_task = 1;
  // The choices of one task share the option of the catalog's first pattern and,
  // from four choices on, each half of them that of the second: the history and
  // the hint. Where prompts begin with these (`layout: data_first`), an LLM that
  // keeps what prompts begin with evaluates them once. Each choice by itself is
  // still distributed as the policy has it, but a task's choices say less of
  // these two patterns: at 600 rankings on the simulator the policies get
  // 0.1 less of the way to the optimum.
  bool share_beginning = false;
  // Iterations T of an episode. >= 1.
  int iterations = 1;
  // Asks the default prompt too, once a task.
  bool default_baseline = false;
  TaskStreamOptions tasks;
  PlannerOptions planner;
};

// Where a round starts.
struct RoundStart {
  TaskCursor cursor;
  // Episodes that the budget still allows. >= 1.
  int64_t episodes = 0;
  // Whether the task's default prompt was asked before.
  std::function<bool(const TaskId&)> default_known;
};

// Choices come from Learner::Propose, or are sampled from `policy` if it
// proposes none. A sampled choice keeps the policy's probabilities, although
// repeats of a task's earlier choices are drawn again. kInternal if the learner
// proposes too few; errors of the policy.
absl::StatusOr<Round> PlanRound(const TaskSource& source,
                                const RoundOptions& options,
                                const Learner& learner,
                                std::shared_ptr<const policy::Policy> policy,
                                const RoundStart& start);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ROUND_PLAN_H_
