// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_EDIT_SEARCH_H_
#define ATTUNE_TRAINER_EDIT_SEARCH_H_

// Finds a fixed prompt by edits: a gradient-free rival of personalization.
//
// Source: Prasad et al. 2022, GrIPS (arXiv 2203.07281), algorithm 1: every
// iteration makes a few candidates by editing the base prompt, scores them on
// the same few tasks and keeps the best if it beats the base.
//
// Where we differ from the paper:
// * a prompt is one option of each pattern, so edits are of options: delete
//   (the pattern's empty option), add (another than the empty one), replace
//   (another sentence of the pattern; the paper paraphrases with a model), swap
//   (one pattern back to its default, another away from its option);
// * the score is the mean NDCG@10; the paper adds the entropy of the answers;
// * when patience runs out and budget is left, it goes on from the best prompt
//   with new tasks: rivals are compared at equal budgets.
//
// Not thread-safe beyond the backend's own safety.

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/catalog.h"
#include "policy/policy.h"
#include "policy/random.h"
#include "trainer/environment.h"
#include "trainer/halving.h"
#include "trainer/llm_backend.h"

namespace attune::trainer {

struct EditSearchOptions {
  // LLM rankings, repeated ones included. >= 1.
  int budget = 600;
  // Edited prompts an iteration. >= 1.
  int candidates = 5;
  // Iterations without a better prompt before the tasks change. >= 1.
  int patience = 2;
  // Tasks that score a prompt; 0: a sixteenth of the budget, from 8 to 100.
  int tasks = 0;
  uint64_t seed = 1;
  // Called after each prompt with the rankings spent, if set.
  std::function<void(int spent)> progress = nullptr;
};

struct EditSearchResult {
  FixedOptions best;
  // Mean NDCG@10 of `best` where it was last scored. Optimistic: it was chosen
  // for being large.
  double mean = 0.0;
  int llm_rankings = 0;
  int dropped = 0;
  int accepted = 0;  // edits
};

// Starts at the default prompt of `policy`. kInvalidArgument if an option is
// out of range, there are no tasks or the budget does not hold one iteration;
// kUnavailable if the LLM answered none of a prompt's tasks.
absl::StatusOr<EditSearchResult> SearchByEdits(
    const policy::Policy& policy, LlmBackend& backend,
    absl::Span<const Task> tasks, const EditSearchOptions& options);

enum class Edit { kDelete, kAdd, kReplace, kSwap };
inline constexpr int kEdits = 4;

// `base` after a random edit of this kind; nullopt if the base has no place for
// one. Pure but for the generator.
std::optional<FixedOptions> ApplyEdit(const policy::Catalog& catalog,
                                      const FixedOptions& base, Edit edit,
                                      policy::Rng& rng);

// The option of the pattern that says nothing, or -1.
int EmptyOption(const policy::Pattern& pattern);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_EDIT_SEARCH_H_
