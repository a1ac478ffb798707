// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_PLANNER_H_
#define ATTUNE_TRAINER_PLANNER_H_

// The budget planner: on which tasks the next LLM calls are spent, and when
// enough of them were.
//
// A share of a round's tasks comes from the stream in order, so that nobody is
// left out and the samples stay close to the population; the others are those
// of a larger pool whose personal gain the learner knows least well
// (uncertainty sampling, Lewis & Gale 1994). Encoding a state costs no call, so
// the pool may be large. Training stops when the 95 % interval of the gain over the best
// fixed prompt is narrow enough, or when the budget is spent.
//
// Pure functions; safe to call from any thread.

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "trainer/learner.h"

namespace attune::trainer {

struct PlannerOptions {
  // Share of a round's tasks that is chosen for its uncertainty; [0, 1). 0: all
  // come from the stream, as they do if the learner keeps no posterior.
  double uncertain_share = 0.0;
  // Tasks in the pool for each one that is chosen from it. >= 1.
  int pool_factor = 4;
  // Width of the gain's 95 % interval at which training stops; 0: never.
  double stop_width = 0.0;
  // Rankings that must have been learned from before that. >= 1.
  int64_t stop_after = 100;
};

struct GainInterval {
  double mean = 0.0;
  double low = 0.0;
  double high = 0.0;
};

// Mean and the normal 95 % interval.
GainInterval IntervalOf(const Learner::Gain& gain);

// Whether to stop after `learned` rankings.
bool NarrowEnough(const GainInterval& interval, int64_t learned,
                  const PlannerOptions& options);

// How many of `tasks` tasks to choose for their uncertainty; at least one is
// left to the stream.
int UncertainTasks(int tasks, const PlannerOptions& options);

// The `count` entries of largest deviation, most uncertain first; of equal ones
// the first. REQUIRES: count <= size.
std::vector<int> MostUncertain(const Eigen::VectorXf& deviation, int count);

// Rankings that may still be asked for: `spent` were answered, `lost` are those
// that the last round asked for in vain. While a round is under way nobody
// knows what it will lose; so that a resumed run plans as an uninterrupted one
// does, losses of the last round count as spent unless nothing would be left.
int64_t CallsLeft(int64_t budget, int64_t spent, int64_t lost);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_PLANNER_H_
