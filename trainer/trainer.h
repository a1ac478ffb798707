// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_TRAINER_H_
#define ATTUNE_TRAINER_TRAINER_H_

// The training loop: choose, prompt, rank, reward, learn, until the budget of
// LLM rankings is spent.
//
// Rollouts run on a revision made from the learner's tensors each round, so
// that training acts exactly as serving will. All randomness is a function of
// the seed and the round, so a checkpoint needs no generator's state, and a
// resumed run ends with the same bytes as an uninterrupted one.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/environment.h"
#include "trainer/export.h"
#include "trainer/learner.h"
#include "trainer/llm_backend.h"

namespace attune::trainer {

// Users to learn from: real train users, or simulated ones.
struct TaskSource {
  int num_users = 0;
  // The `draw`-th task of user `index` in [0, num_users); see
  // Environment::MakeTask.
  std::function<Task(int index, int draw, int ordinal)> make_task;
};

// Counts of the run so far.
struct TrainTotals {
  int round = 0;         // rounds done
  int64_t rankings = 0;  // rewards learned from, cached ones included
  int64_t cache_hits = 0;
  int64_t dropped = 0;  // LLM faults
  int64_t partial_parses = 0;
  int64_t failed_parses = 0;
  int64_t llm_calls = 0;
  int64_t prompt_tokens = 0;
  int64_t answer_tokens = 0;
};

// One round, for the progress line and the metrics file.
struct RoundReport {
  TrainTotals totals;
  int samples = 0;
  double reward = 0.0;   // mean of the round's samples
  double seconds = 0.0;  // of the round
  LearnerMetrics learner;
};

struct TrainOptions {
  // LLM rankings. >= 1.
  int64_t budget = 600;
  // Users a round. >= 1.
  int batch_size = 32;
  // Iterations T of an episode. >= 1.
  int episode_length = 1;
  uint64_t seed = 1;
  // Where the checkpoint and metrics.jsonl go; must exist.
  std::string directory;
  // Rounds between checkpoints. >= 1.
  int checkpoint_every = 5;
  // Goes on from the directory's checkpoint if there is one.
  bool resume = false;
  // What else the result depends on (data, catalog, learner, LLM); a checkpoint
  // of another fingerprint is refused.
  std::string fingerprint;
  // Seconds of a monotonic clock.
  std::function<double()> clock;
  // Called with each round's samples before the learner sees them, if set.
  std::function<void(absl::Span<const Sample>)> on_samples;
  // Called after each round; training checkpoints and ends with kCancelled when
  // it returns false.
  std::function<bool(const RoundReport&)> on_round;
};

struct TrainResult {
  TrainTotals totals;
  // The learner's final tensors as an artifact.
  std::string revision;
};

// kInvalidArgument if an option is out of range; kFailedPrecondition if the
// checkpoint belongs to another run; kUnavailable if the LLM answered nothing
// for three rounds in a row (the checkpoint is kept); otherwise errors of the
// policy.
absl::StatusOr<TrainResult> Train(const TaskSource& source, LlmBackend& backend,
                                  Learner& learner, ExportSettings settings,
                                  absl::Span<const Task> golden,
                                  const TrainOptions& options);

// Pure: the user that the `index`-th sample of a run is about, each user once
// an epoch in an order of its own.
int UserAt(int64_t index, int num_users, uint64_t seed);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_TRAINER_H_
