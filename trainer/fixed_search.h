// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_FIXED_SEARCH_H_
#define ATTUNE_TRAINER_FIXED_SEARCH_H_

// Finds the best fixed prompt (the same options for everybody) on a budget of
// LLM rankings: what personalization has to beat.
//
// Source: Karnin et al. 2013, sequential halving. Stage 1 tries the default
// prompt with one option changed at a time; stage 2 combines the changes that
// helped most. Every round shows all of its prompts the same tasks.

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/catalog.h"
#include "policy/policy.h"
#include "trainer/environment.h"
#include "trainer/halving.h"
#include "trainer/llm_backend.h"

namespace attune::trainer {

struct FixedSearchOptions {
  // LLM rankings, repeated ones included. >= 1.
  int budget = 600;
  // Share of the budget that stage 2 gets. In [0, 1].
  double combine_share = 0.4;
  // Tasks that each prompt of the first round sees; with a small budget, fewer
  // prompts take part instead. >= 1.
  int min_tasks = 5;
  uint64_t seed = 1;
  // Called after each round with the rankings spent, if set.
  std::function<void(int spent)> progress = nullptr;
};

struct FixedSearchResult {
  FixedOptions best;
  // Mean NDCG@10 of `best` in the search and its tasks. Optimistic: it was
  // chosen for being large.
  double mean = 0.0;
  int tasks = 0;
  int llm_rankings = 0;
  int dropped = 0;
};

// Tries prompts of `policy` on `tasks` (validation users'), from the first on
// and no task twice with one prompt. kInvalidArgument if an option is out of
// range or there are no tasks; kUnavailable if the LLM failed on every task of
// a round.
absl::StatusOr<FixedSearchResult> SearchFixedPrompt(
    const policy::Policy& policy, LlmBackend& backend,
    absl::Span<const Task> tasks, const FixedSearchOptions& options);

// Pure pieces.

// The default prompt, then each prompt that differs from it in one option;
// hints first, then histories, formats and sentences.
std::vector<FixedOptions> SingleChanges(const policy::Catalog& catalog);

// Combinations of the changes that gained over trials[0], the default prompt:
// the gain of a change is its mean paired difference, shrunk towards 0 when few
// tasks were seen. Without repetition; the default prompt and the best changes
// included.
std::vector<FixedOptions> Combinations(const policy::Catalog& catalog,
                                       absl::Span<const Trial> trials);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_FIXED_SEARCH_H_
