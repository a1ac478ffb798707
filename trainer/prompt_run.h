// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_PROMPT_RUN_H_
#define ATTUNE_TRAINER_PROMPT_RUN_H_

// Tasks through an LLM: choose a prompt, ask, decode. Every answer is decoded
// and repaired by the same rule (policy/ranking.h), whatever chose the prompt;
// a fault of the LLM is dropped and counted, never a rank or a reward.

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/ranking.h"
#include "trainer/chooser.h"
#include "trainer/environment.h"
#include "trainer/llm_backend.h"

namespace attune::trainer {

// What came of one task.
struct Outcome {
  // 1-based rank of the target; 0 if the LLM failed and the task was dropped, or
  // if the task was left out (`status` is OK then).
  int rank = 0;
  policy::ParseStatus parse = policy::ParseStatus::kComplete;
  // The ranking and, for prompts, the options; empty if dropped.
  policy::Ranking ranking;
  std::vector<int> options;
  // Why the task was dropped.
  absl::Status status;
};

struct PromptRun {
  std::vector<Outcome> outcomes;  // one a task
  Usage usage;  // of all answers; `seconds` sums the backend's
};

struct RunOptions {
  // Of the requests (sampling, uniform prompts) and of the LLM's decoding.
  uint64_t seed = 1;
  // Requests handed to the backend at a time. >= 1.
  int batch_size = 64;
  // Called after each batch with the number of tasks done, if set.
  std::function<void(int done)> progress = nullptr;
};

// Runs the tasks through the LLM. Errors are the chooser's: a request that the
// policy refuses is a defect, not a fault of the LLM.
absl::StatusOr<PromptRun> RunPrompts(LlmBackend& backend,
                                     const Chooser& chooser,
                                     absl::Span<const Task> tasks,
                                     const RunOptions& options);

// The same with the options given, one choice a task; tasks without options are
// left out. A task's decoding seed is the same as in RunPrompts() on the same
// list of tasks.
absl::StatusOr<PromptRun> RunChoices(LlmBackend& backend,
                                     const policy::Policy& policy,
                                     absl::Span<const std::vector<int>> choices,
                                     absl::Span<const Task> tasks,
                                     const RunOptions& options);

// The outcome of a ranking. Its `options` are empty.
Outcome RankedOutcome(const Task& task, policy::Ranking ranking);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_PROMPT_RUN_H_
