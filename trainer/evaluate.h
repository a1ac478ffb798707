// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_EVALUATE_H_
#define ATTUNE_TRAINER_EVALUATE_H_

// Runs methods on the same tasks: scorers without an LLM, and ways of choosing
// a prompt (prompt_run.h says how an answer becomes an outcome). What the
// outcomes amount to is study.h's business.
//
// Not thread-safe beyond the backend's own safety.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/baselines.h"
#include "trainer/chooser.h"
#include "trainer/environment.h"
#include "trainer/llm_backend.h"
#include "trainer/prompt_run.h"

namespace attune::trainer {

enum class MethodKind { kScorer, kPrompt, kLearner, kOracle };

// One line of the comparison. Exactly one of `scorer` and `choosers` is set.
struct Method {
  std::string name;
  MethodKind kind = MethodKind::kPrompt;
  const Scorer* scorer = nullptr;  // must outlive the evaluation
  // One a training seed, or a single one that holds for all seeds.
  std::vector<Chooser> choosers = {};
  // What the choosers render with, if choices of one user shall be given to
  // another; as many as choosers, or none. Must outlive the evaluation.
  std::vector<const policy::Policy*> policies = {};
  // LLM rankings spent on training or searching, for each seed.
  int64_t train_llm_calls = 0;
};

// What asking cost. Wall time is what passed, cached answers included.
struct Cost {
  int64_t llm_calls = 0;      // rankings asked for, whoever answered
  int64_t prompt_tokens = 0;  // of answers that the reward cache did not have
  int64_t answer_tokens = 0;
  double wall_seconds = 0.0;
  int dropped = 0;         // LLM faults
  int partial_parses = 0;  // repaired rankings
  int failed_parses = 0;   // answers without a recognisable candidate
};

struct MethodRun {
  std::string name;
  MethodKind kind = MethodKind::kPrompt;
  int64_t train_llm_calls = 0;
  // [seed][task]; one seed if the method does not depend on it.
  std::vector<std::vector<Outcome>> outcomes;
  std::vector<const policy::Policy*> policies;
  Cost cost;
};

struct EvaluateOptions {
  RunOptions run;
  // Called before and after each batch of a method with the tasks done over all
  // seeds, if set.
  std::function<void(const std::string& method, int done, int total)> progress =
      nullptr;
  // Seconds of a monotonic clock; unset: std::chrono::steady_clock.
  std::function<double()> clock = nullptr;
};

// kInvalidArgument if there are no tasks, they differ in their number of
// candidates, or a method is neither a scorer nor has choosers; otherwise
// errors of the scorers and choosers.
absl::StatusOr<std::vector<MethodRun>> Evaluate(
    absl::Span<const Method> methods, absl::Span<const Task> tasks,
    LlmBackend& backend, const EvaluateOptions& options);

// `run` once more with every task given the choice made for task sources[i];
// tasks whose source is -1 are left out (user_shuffle.h). REQUIRES: the run's
// method had policies.
absl::StatusOr<MethodRun> RunShuffled(const MethodRun& run,
                                      absl::Span<const int> sources,
                                      absl::Span<const Task> tasks,
                                      LlmBackend& backend,
                                      const EvaluateOptions& options);

// Adds what the outcomes say of parses and faults.
void CountOutcomes(absl::Span<const Outcome> outcomes, Cost& cost);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_EVALUATE_H_
