// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_HALVING_H_
#define ATTUNE_TRAINER_HALVING_H_

// Sequential halving (Karnin et al. 2013) over fixed prompts: every round shows
// the prompts that are left the same new tasks and keeps the better half.
//
// Pure functions; safe to call from any thread.

#include <vector>

#include "absl/types/span.h"

namespace attune::trainer {

// A fixed prompt: one option per pattern.
using FixedOptions = std::vector<int>;

// A prompt and what it was given so far.
struct Trial {
  FixedOptions options;
  // NDCG@10 of each task in order; NaN where the LLM failed.
  std::vector<double> rewards;
};

struct HalvingRound {
  int prompts = 0;
  int tasks = 0;  // new ones, for each prompt
};

// Rounds that halve the prompts until one is left; each spends an equal part of
// `budget`. As many of `prompts` take part as can see `min_tasks` in the first
// round, at least one. The rounds' prompts * tasks sum to at most `budget`, and
// no prompt sees more than `max_tasks`.
std::vector<HalvingRound> HalvingSchedule(int prompts, int budget,
                                          int min_tasks, int max_tasks);

// Indices of the better half (rounded up) by mean reward over the tasks that
// all of `trials` have an answer for, best first; ties keep the order.
std::vector<int> BetterHalf(absl::Span<const Trial> trials);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_HALVING_H_
