// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_TRAINER_H_
#define ATTUNE_TRAINER_TRAINER_H_

// The training loop: choose, prompt, rank, reward, learn, until the budget of
// LLM rankings is spent or the planner has seen enough.
//
// Pipelined, so that the LLM never waits for the learner: while it answers
// round t, the learner updates with round t-1 and round t+1 is chosen and
// rendered, which it begins as soon as it is done with t. The policy that
// chooses a round has therefore learned from all rounds but the one before it.
// That lag is always one round, so the result does not depend on how fast the
// LLM answers.
//
// Rollouts run on the policy that the learner's tensors make, with the code
// that serves, so training acts exactly as serving will. All randomness is a
// function of the seed and the place in the run, so a checkpoint needs no
// generator's state, and a resumed run ends with the same bytes as an
// uninterrupted one.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/environment.h"
#include "trainer/export.h"
#include "trainer/learner.h"
#include "trainer/llm_backend.h"
#include "trainer/planner.h"
#include "trainer/rollout.h"
#include "trainer/task_stream.h"

namespace attune::trainer {

// Counts of the run so far.
struct TrainTotals : AnswerCounts {
  int round = 0;  // rounds answered
};

// One round, for the progress line and the metrics file.
struct RoundReport {
  TrainTotals totals;  // after this round
  int samples = 0;
  double reward = 0.0;       // mean of the round's samples
  double seconds = 0.0;      // since the round before was learned from
  double llm_seconds = 0.0;  // that the LLM worked on this round
  // That the learner took to update with it.
  double learn_seconds = 0.0;
  // Share of the time from the run's start to this round's last answer in which
  // the LLM had nothing to do. Of this process, if the run was resumed.
  double llm_idle_share = 0.0;
  LearnerMetrics learner;
  // LlmBackend::Metrics() after this round.
  std::vector<std::pair<std::string, double>> backend;
  // The planner's, if the learner keeps a posterior and training may stop.
  std::optional<GainInterval> gain;
};

struct TrainOptions {
  // LLM rankings, those of default prompts included. At least one round's.
  int64_t budget = 600;
  // Episodes a round. >= choices_per_task.
  int batch_size = 32;
  // Choices tried on each task, see RoundOptions; 0 is as many as the learner
  // likes.
  int choices_per_task = 0;
  // They share history and hint, see RoundOptions.
  bool share_beginning = false;
  // Iterations T of an episode. >= 1.
  int episode_length = 1;
  // Asks the default prompt once a task, for Sample::default_reward.
  bool default_baseline = false;
  // Tasks of one user; see TaskStreamOptions. >= 0.
  int draws_per_user = 0;
  PlannerOptions planner;
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
  // Seconds of a monotonic clock; called from two threads.
  std::function<double()> clock;
  // Called with each round's samples before the learner sees them, if set.
  std::function<void(absl::Span<const Sample>)> on_samples;
  // Called when a round was learned from, while the next one is under way;
  // training waits for that one, checkpoints and ends with kCancelled when it
  // returns false.
  std::function<bool(const RoundReport&)> on_round;
};

// kInvalidArgument names the option that is out of range.
absl::Status Check(const TrainOptions& options);

// The options that the result depends on, but for the budget: part of a
// fingerprint.
std::string Describe(const TrainOptions& options);

struct TrainResult {
  TrainTotals totals;
  // The learner's final tensors as an artifact.
  std::string revision;
  // Of the final learner, if it keeps a posterior and training might stop.
  std::optional<GainInterval> gain;
  // Whether that ended the run before the budget was spent.
  bool stopped_early = false;
  // Seconds of the loop; share of them in which the LLM had nothing to do.
  double seconds = 0.0;
  double llm_idle_share = 0.0;
};

// kInvalidArgument names the option that is out of range; kFailedPrecondition
// if the checkpoint belongs to another run; kUnavailable if the LLM answered
// nothing for three rounds in a row; Learner::Health's error if that is not OK;
// otherwise errors of the policy. The last checkpoint is kept whatever happens.
absl::StatusOr<TrainResult> Train(const TaskSource& source, LlmBackend& backend,
                                  Learner& learner, ExportSettings settings,
                                  absl::Span<const Task> golden,
                                  const TrainOptions& options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_TRAINER_H_
