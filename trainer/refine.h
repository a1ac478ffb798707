// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REFINE_H_
#define ATTUNE_TRAINER_REFINE_H_

// One refinement of a catalog (RPP+, Mao et al. 2024, arXiv 2407.17115): an LLM
// rewrites one sentence, and what passes lint and is no worse than the sentence
// joins the catalog as a new option.
//
// 1. The sentence is tried on a few tasks, the rest of the prompt as the policy
//    chooses it; the worst of them are what the rewriter sees.
// 2. The rewriter's sentences are linted (rewrite_lint.h).
// 3. Sequential halving (Karnin et al. 2013) on common tasks and common
//    decoding seeds: the sentence itself stays to the end as the yardstick,
//    and each round drops the worse half of the others.
//
// Where we differ from the paper: it rewrites at every iteration and serves
// what comes; here a rewrite has to earn its place, once, on a fixed budget.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/policy.h"
#include "policy/revision.h"
#include "trainer/environment.h"
#include "trainer/export.h"
#include "trainer/halving.h"
#include "trainer/learner.h"
#include "trainer/llm_backend.h"
#include "trainer/rewrite_lint.h"
#include "trainer/rewriter.h"

namespace attune::trainer {

struct RefineOptions {
  // Sentences asked for. >= 1.
  int rewrites = 6;
  // LLM rankings, at most; the rewriter's own calls are not among them. >= 1.
  int calls = 120;
  // Tasks on which the sentence is tried before the rewriter is asked, and the
  // failed cases it then sees. >= 1.
  int probe_tasks = 6;
  int failures = 3;
  // A rewrite joins if its mean reward is above its parent's on the same tasks
  // by so many standard errors of the difference; 0: if it is no worse.
  double errors = 0.0;
  LintLimits lint;
  uint64_t seed = 1;
};

// What is refined.
struct RefineTarget {
  // The trained policy, what it was made of, and its tensors.
  const policy::Revision& revision;
  const ExportSettings& settings;
  absl::Span<const policy::NamedTensor> agents;
  absl::Span<const Task> golden;
  // The option whose sentence is rewritten.
  int pattern = 0;
  int parent = 0;
  // The i-th task to try prompts on.
  std::function<Task(int i)> task;
  // The LLM, for prompts of this catalog (the simulator has to know its
  // sentences).
  std::function<absl::StatusOr<LlmBackend*>(
      std::shared_ptr<const policy::Catalog> catalog)>
      backend;
};

// One sentence of the rewriter, and what became of it.
struct Rewrite {
  std::string sentence;
  std::optional<LintRefusal> refusal;
  // Mean rewards on the tasks that both this and the parent answered.
  double reward = 0.0;
  double parent_reward = 0.0;
  double standard_error = 0.0;  // of the difference
  int tasks = 0;
  bool joined = false;
};

struct Refinement {
  std::vector<Rewrite> rewrites;
  // Why there are no rewrites, if the rewriter failed.
  absl::Status rewriter;
  // The catalog with the rewrites that joined; the old one if none did.
  std::shared_ptr<const policy::Catalog> catalog;
  // What the trials tell about options of `catalog`; one group a task.
  std::vector<Sample> samples;
  // LLM rankings asked for, dropped ones included.
  int64_t rankings = 0;
  int64_t dropped = 0;
};

// A rewriter that fails or a rewrite that is refused is no error: the catalog
// stays as it is. Errors of the policy; kUnavailable if the LLM that ranks
// answered none of the first tasks.
absl::StatusOr<Refinement> Refine(const RefineTarget& target,
                                  Rewriter& rewriter,
                                  const RefineOptions& options);

// Pure pieces.

// The agents' tensors for a catalog grown from `old_catalog`: each new option
// starts with its parent's bias, the rest is content (actor.h).
std::vector<policy::NamedTensor> GrowAgents(
    absl::Span<const policy::NamedTensor> agents,
    const policy::Catalog& old_catalog, const policy::Catalog& grown);

// Compares a trial with its parent's over the tasks that both answered; the
// parent may have seen more.
struct PairedComparison {
  double mean = 0.0;
  double parent_mean = 0.0;
  double standard_error = 0.0;
  int tasks = 0;
};
PairedComparison Compare(const Trial& trial, const Trial& parent);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REFINE_H_
