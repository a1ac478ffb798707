// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ROLLOUT_H_
#define ATTUNE_TRAINER_ROLLOUT_H_

// One round on the LLM: prompts that were chosen before in, samples out. Later
// iterations of an episode are chosen here, since they depend on the answers.
//
// A pure function of the round and the backend's answers; it may run in a
// thread of its own, and touches no learner.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/policy.h"
#include "trainer/environment.h"
#include "trainer/learner.h"
#include "trainer/llm_backend.h"
#include "trainer/task_stream.h"

namespace attune::trainer {

// Rewards of tasks under the catalog's default prompt; NaN if the LLM failed.
using DefaultRewards = std::map<TaskId, float>;

// One choice on one task, T times over.
struct Episode {
  TaskId id;
  std::shared_ptr<const Task> task;  // shared by the task's episodes
  // The task's place in the run, and what its choices share.
  int64_t group = 0;
  uint64_t decoding_seed = 0;
  // Of the sampling in later iterations.
  uint64_t seed = 0;
  // Asks the default prompt, once: a baseline, no sample.
  bool is_default = false;
  // Of the first iteration.
  policy::Decision decision = {.permutation = policy::Permutation::Identity(0)};
};

// Where the round's tasks end in the stream and in the planner's pool.
struct TaskCursor {
  int64_t stream = 0;
  int64_t pool = 0;
};

struct Round {
  std::shared_ptr<const policy::Policy> policy;
  std::vector<Episode> episodes;
  int iterations = 1;
  TaskCursor end;

  // Rankings that it asks for at most.
  int64_t Calls() const;
};

// Counts of answers.
struct AnswerCounts {
  int64_t rankings = 0;  // rewards learned from, cached ones included
  int64_t defaults = 0;  // default prompts' rewards
  int64_t cache_hits = 0;
  int64_t dropped = 0;  // LLM faults
  int64_t partial_parses = 0;
  int64_t failed_parses = 0;
  int64_t llm_calls = 0;
  int64_t prompt_tokens = 0;
  // Of those, what an earlier prompt's beginning saved (Usage).
  int64_t reused_tokens = 0;
  int64_t answer_tokens = 0;

  // What counts against the budget.
  int64_t Spent() const { return rankings + defaults; }
  void Add(const AnswerCounts& other);
};

struct RoundResult {
  // All first iterations, then all second ones, and so on.
  std::vector<Sample> samples;
  DefaultRewards defaults;
  AnswerCounts counts;
  absl::Status last_fault;
  // LlmBackend::Metrics() after it.
  std::vector<std::pair<std::string, double>> backend;
  // By the clock: that the LLM worked on it, and when it was done.
  double llm_seconds = 0.0;
  double ended = 0.0;
};

// kInternal if the backend loses an answer; errors of the policy.
absl::StatusOr<RoundResult> RunRound(const Round& round, LlmBackend& backend,
                                     const std::function<double()>& clock);

// Tells each sample its task's reward under the default prompt, if it is known.
void FillDefaults(const Round& round, const DefaultRewards& known,
                  std::vector<Sample>& samples);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ROLLOUT_H_
