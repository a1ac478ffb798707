// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_EVALUATE_H_
#define ATTUNE_TRAINER_EVALUATE_H_

// Compares methods on the same tasks: scorers without an LLM, and ways of
// choosing a prompt (prompt_run.h says how an answer becomes an outcome).
//
// Users are the unit: several tasks of one user are averaged before intervals
// are computed, so that repeated draws do not feign more users.

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
#include "trainer/statistics.h"

namespace attune::trainer {

// One line of the comparison. Exactly one of `scorer` and `chooser` is set.
struct Method {
  std::string name;
  const Scorer* scorer = nullptr;  // must outlive the evaluation
  Chooser chooser = nullptr;
};

struct MethodResult {
  std::string name;
  bool uses_llm = false;
  std::vector<Outcome> outcomes;  // one a task
  Interval ndcg, mrr, hit;        // NDCG@10, MRR, HR@1
  // NDCG@10 between chance (0) and perfection (1).
  double normalised_ndcg = 0.0;
  int dropped = 0;         // LLM faults
  int partial_parses = 0;  // repaired rankings
  int failed_parses = 0;   // answers without a recognisable candidate
  Usage usage;
  double wall_seconds = 0.0;
};

// NDCG@10 of `method` minus that of `baseline`, on tasks that both have.
struct Difference {
  std::string method;
  std::string baseline;
  Interval ndcg;
};

struct Evaluation {
  int num_tasks = 0;
  int num_users = 0;
  int num_candidates = 0;
  double chance_ndcg = 0.0;
  std::vector<MethodResult> methods;
  std::vector<Difference> differences;
};

struct EvaluateOptions {
  RunOptions run;
  // Methods that all others are compared with, in pairs.
  std::vector<std::string> baselines = {"default", "uniform", "best_fixed"};
  // Called before and after each method, if set.
  std::function<void(const std::string& method, int done)> progress = nullptr;
  // Seconds of a monotonic clock; unset: std::chrono::steady_clock.
  std::function<double()> clock = nullptr;
};

// kInvalidArgument if there are no tasks or they differ in their number of
// candidates; otherwise errors of the scorers and choosers.
absl::StatusOr<Evaluation> Evaluate(absl::Span<const Method> methods,
                                    absl::Span<const Task> tasks,
                                    LlmBackend& backend,
                                    const EvaluateOptions& options);

// Pure pieces. Values of tasks that were not dropped, averaged by user, users
// ascending; simulated tasks (user < 0) count each for itself.
std::vector<double> PerUser(absl::Span<const Task> tasks,
                            absl::Span<const Outcome> outcomes,
                            const std::function<double(int rank)>& metric);
Difference CompareNdcg(absl::Span<const Task> tasks, const MethodResult& method,
                       const MethodResult& baseline, uint64_t seed);

// For people: a table of fixed width, methods in order, then the differences.
std::string ToTable(const Evaluation& evaluation);
// For programs: one JSON object with the same content.
std::string ToJson(const Evaluation& evaluation);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_EVALUATE_H_
