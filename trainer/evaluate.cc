// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/evaluate.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

double SteadySeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double Now(const EvaluateOptions& options) {
  return options.clock ? options.clock() : SteadySeconds();
}

absl::StatusOr<PromptRun> RunScorer(const Scorer& scorer,
                                    absl::Span<const Task> tasks) {
  PromptRun run;
  for (const Task& task : tasks) {
    ATTUNE_ASSIGN_OR_RETURN(policy::Ranking ranking, RankTask(scorer, task));
    run.outcomes.push_back(RankedOutcome(task, std::move(ranking)));
  }
  return run;
}

// The options for the `seed`-th of `seeds` runs, with progress over all.
RunOptions OptionsOfSeed(const EvaluateOptions& options,
                         const std::string& name, size_t seed, size_t seeds,
                         size_t tasks) {
  RunOptions run = options.run;
  if (!options.progress) return run;
  const int before = static_cast<int>(seed * tasks);
  const int total = static_cast<int>(seeds * tasks);
  run.progress = [&options, name, before, total](int done) {
    options.progress(name, before + done, total);
  };
  run.progress(0);
  return run;
}

void AddRun(PromptRun run, MethodRun& result) {
  result.cost.prompt_tokens += run.usage.prompt_tokens;
  result.cost.answer_tokens += run.usage.answer_tokens;
  if (result.kind != MethodKind::kScorer) {
    CountOutcomes(run.outcomes, result.cost);
  }
  result.outcomes.push_back(std::move(run.outcomes));
}

absl::StatusOr<MethodRun> RunMethod(const Method& method,
                                    absl::Span<const Task> tasks,
                                    LlmBackend& backend,
                                    const EvaluateOptions& options) {
  MethodRun result{.name = method.name,
                   .kind = method.kind,
                   .train_llm_calls = method.train_llm_calls,
                   .policies = method.policies};
  const double start = Now(options);
  if (method.scorer != nullptr) {
    ATTUNE_ASSIGN_OR_RETURN(PromptRun run, RunScorer(*method.scorer, tasks));
    AddRun(std::move(run), result);
  }
  for (size_t s = 0; s < method.choosers.size(); ++s) {
    ATTUNE_ASSIGN_OR_RETURN(
        PromptRun run,
        RunPrompts(backend, method.choosers[s], tasks,
                   OptionsOfSeed(options, method.name, s,
                                 method.choosers.size(), tasks.size())));
    AddRun(std::move(run), result);
  }
  result.cost.wall_seconds = Now(options) - start;
  return result;
}

absl::Status CheckInput(absl::Span<const Method> methods,
                        absl::Span<const Task> tasks) {
  if (tasks.empty()) return absl::InvalidArgumentError("tasks: empty");
  for (const Task& task : tasks) {
    if (task.candidates.size() != tasks[0].candidates.size()) {
      return absl::InvalidArgumentError(
          "tasks: they differ in their number of candidates");
    }
  }
  for (size_t i = 0; i < methods.size(); ++i) {
    const Method& method = methods[i];
    if ((method.scorer != nullptr) == !method.choosers.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "methods[", i, "]: exactly one of scorer and choosers must be set"));
    }
    if (!method.policies.empty() &&
        method.policies.size() != method.choosers.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "methods[", i, "]: there must be as many policies as choosers"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

void CountOutcomes(absl::Span<const Outcome> outcomes, Cost& cost) {
  for (const Outcome& outcome : outcomes) {
    if (outcome.rank == 0 && outcome.status.ok()) continue;  // left out
    ++cost.llm_calls;
    if (outcome.rank == 0) {
      ++cost.dropped;
    } else if (outcome.parse == policy::ParseStatus::kPartial) {
      ++cost.partial_parses;
    } else if (outcome.parse == policy::ParseStatus::kFailed) {
      ++cost.failed_parses;
    }
  }
}

absl::StatusOr<std::vector<MethodRun>> Evaluate(
    absl::Span<const Method> methods, absl::Span<const Task> tasks,
    LlmBackend& backend, const EvaluateOptions& options) {
  ATTUNE_RETURN_IF_ERROR(CheckInput(methods, tasks));
  std::vector<MethodRun> runs;
  for (const Method& method : methods) {
    ATTUNE_ASSIGN_OR_RETURN(MethodRun run,
                            RunMethod(method, tasks, backend, options));
    runs.push_back(std::move(run));
  }
  return runs;
}

absl::StatusOr<MethodRun> RunShuffled(const MethodRun& run,
                                      absl::Span<const int> sources,
                                      absl::Span<const Task> tasks,
                                      LlmBackend& backend,
                                      const EvaluateOptions& options) {
  MethodRun result{.name = run.name,
                   .kind = run.kind,
                   .train_llm_calls = run.train_llm_calls,
                   .policies = run.policies};
  const double start = Now(options);
  for (size_t s = 0; s < run.outcomes.size(); ++s) {
    std::vector<std::vector<int>> choices(tasks.size());
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (sources[i] >= 0) choices[i] = run.outcomes[s][sources[i]].options;
    }
    ATTUNE_ASSIGN_OR_RETURN(
        PromptRun shuffled,
        RunChoices(backend, *run.policies[s], choices, tasks,
                   OptionsOfSeed(options, run.name + " shuffled", s,
                                 run.outcomes.size(), tasks.size())));
    AddRun(std::move(shuffled), result);
  }
  result.cost.wall_seconds = Now(options) - start;
  return result;
}

}  // namespace attune::trainer
