// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/prompt_run.h"

#include <numeric>
#include <utility>

#include "policy/metrics.h"
#include "policy/random.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

void Add(const Usage& usage, Usage& sum) {
  sum.llm_calls += usage.llm_calls;
  sum.prompt_tokens += usage.prompt_tokens;
  sum.reused_tokens += usage.reused_tokens;
  sum.answer_tokens += usage.answer_tokens;
  sum.seconds += usage.seconds;
}

// Distinguishes a user's tasks; the same for every method.
uint64_t TaskSeed(uint64_t seed, int index) {
  return policy::Mix64(seed ^ policy::Mix64(static_cast<uint64_t>(index)));
}

std::vector<int> OptionsOf(const policy::Decision& decision) {
  std::vector<int> options;
  for (const policy::PatternChoice& choice : decision.choice.patterns) {
    options.push_back(choice.option);
  }
  return options;
}

Outcome DroppedOutcome(absl::Status status) {
  Outcome outcome;
  outcome.status = std::move(status);
  return outcome;
}

Outcome ReadAnswer(const Task& task, const policy::Decision& decision,
                   const absl::StatusOr<LlmAnswer>& answer) {
  if (!answer.ok()) return DroppedOutcome(answer.status());
  absl::StatusOr<policy::Ranking> ranking =
      Decode(decision.prompt, decision.permutation, *answer);
  if (!ranking.ok()) return DroppedOutcome(ranking.status());
  Outcome outcome = RankedOutcome(task, *std::move(ranking));
  outcome.options = OptionsOf(decision);
  return outcome;
}

// Decides the `index`-th task.
using Decider = std::function<absl::StatusOr<policy::Decision>(
    size_t index, const policy::Request& request)>;

// Tasks `indices`, whose outcomes are in `run` already.
absl::Status RunBatch(LlmBackend& backend, const Decider& decide,
                      absl::Span<const Task> tasks,
                      absl::Span<const size_t> indices, uint64_t seed,
                      PromptRun& run) {
  std::vector<policy::Decision> decisions;
  decisions.reserve(indices.size());
  std::vector<LlmRequest> requests;
  for (const size_t i : indices) {
    const uint64_t task_seed = TaskSeed(seed, static_cast<int>(i));
    ATTUNE_ASSIGN_OR_RETURN(policy::Decision decision,
                            decide(i, RequestOf(tasks[i], task_seed)));
    decisions.push_back(std::move(decision));
    LlmRequest& request = requests.emplace_back();
    request.prompt = &decisions.back().prompt;
    request.seed = task_seed;
    request.sim_task = tasks[i].sim_task;
    request.sim_options = OptionsOf(decisions.back());
  }
  const std::vector<absl::StatusOr<LlmAnswer>> answers =
      backend.Answer(requests);
  if (answers.size() != requests.size()) {
    return absl::InternalError("the LLM backend lost an answer");
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) Add(answers[i]->usage, run.usage);
    run.outcomes[indices[i]] =
        ReadAnswer(tasks[indices[i]], decisions[i], answers[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<PromptRun> RunTasks(LlmBackend& backend, const Decider& decide,
                                   absl::Span<const Task> tasks,
                                   absl::Span<const size_t> indices,
                                   const RunOptions& options) {
  if (options.batch_size < 1) {
    return absl::InvalidArgumentError("batch_size must be at least 1");
  }
  PromptRun run;
  run.outcomes.resize(tasks.size());
  const auto batch = static_cast<size_t>(options.batch_size);
  for (size_t begin = 0; begin < indices.size(); begin += batch) {
    const absl::Span<const size_t> some = indices.subspan(begin, batch);
    ATTUNE_RETURN_IF_ERROR(
        RunBatch(backend, decide, tasks, some, options.seed, run));
    if (options.progress) {
      options.progress(static_cast<int>(begin + some.size()));
    }
  }
  return run;
}

}  // namespace

Outcome RankedOutcome(const Task& task, policy::Ranking ranking) {
  Outcome outcome;
  outcome.rank = policy::RankOf(task.target, ranking.candidates);
  outcome.parse = ranking.status;
  outcome.ranking = std::move(ranking);
  return outcome;
}

absl::StatusOr<PromptRun> RunPrompts(LlmBackend& backend,
                                     const Chooser& chooser,
                                     absl::Span<const Task> tasks,
                                     const RunOptions& options) {
  std::vector<size_t> all(tasks.size());
  std::iota(all.begin(), all.end(), 0);
  return RunTasks(
      backend,
      [&](size_t, const policy::Request& request) { return chooser(request); },
      tasks, all, options);
}

absl::StatusOr<PromptRun> RunChoices(LlmBackend& backend,
                                     const policy::Policy& policy,
                                     absl::Span<const std::vector<int>> choices,
                                     absl::Span<const Task> tasks,
                                     const RunOptions& options) {
  if (choices.size() != tasks.size()) {
    return absl::InvalidArgumentError("one choice a task is needed");
  }
  std::vector<size_t> chosen;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (!choices[i].empty()) chosen.push_back(i);
  }
  return RunTasks(
      backend,
      [&](size_t i, const policy::Request& request) {
        return policy.Preview(request, choices[i]);
      },
      tasks, chosen, options);
}

}  // namespace attune::trainer
