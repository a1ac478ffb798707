// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/evaluate.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/metrics.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

constexpr int kCutoff = 10;

double Ndcg(int rank) { return policy::NdcgAt(kCutoff, rank); }

double SteadySeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
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

void CountParses(MethodResult& result) {
  for (const Outcome& outcome : result.outcomes) {
    if (outcome.rank == 0) {
      ++result.dropped;
    } else if (outcome.parse == policy::ParseStatus::kPartial) {
      ++result.partial_parses;
    } else if (outcome.parse == policy::ParseStatus::kFailed) {
      ++result.failed_parses;
    }
  }
}

absl::StatusOr<MethodResult> EvaluateMethod(const Method& method,
                                            absl::Span<const Task> tasks,
                                            LlmBackend& backend,
                                            const EvaluateOptions& options) {
  RunOptions run_options = options.run;
  if (options.progress) {
    options.progress(method.name, 0);
    run_options.progress = [&](int done) {
      options.progress(method.name, done);
    };
  }
  const auto clock = options.clock ? options.clock : SteadySeconds;
  const double start = clock();
  ATTUNE_ASSIGN_OR_RETURN(
      PromptRun run,
      method.scorer != nullptr
          ? RunScorer(*method.scorer, tasks)
          : RunPrompts(backend, method.chooser, tasks, run_options));
  MethodResult result;
  result.name = method.name;
  result.uses_llm = method.scorer == nullptr;
  result.wall_seconds = clock() - start;
  result.usage = run.usage;
  result.outcomes = std::move(run.outcomes);
  CountParses(result);
  const auto interval = [&](const std::function<double(int)>& metric) {
    return BootstrapMean(PerUser(tasks, result.outcomes, metric),
                         options.run.seed);
  };
  result.ndcg = interval(Ndcg);
  result.mrr = interval(policy::ReciprocalRank);
  result.hit = interval([](int rank) { return policy::HitRateAt(1, rank); });
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
    if ((methods[i].scorer != nullptr) == bool{methods[i].chooser}) {
      return absl::InvalidArgumentError(absl::StrCat(
          "methods[", i, "]: exactly one of scorer and chooser must be set"));
    }
  }
  return absl::OkStatus();
}

void Compare(absl::Span<const Task> tasks, const EvaluateOptions& options,
             Evaluation& evaluation) {
  for (const std::string& name : options.baselines) {
    const auto baseline =
        std::find_if(evaluation.methods.begin(), evaluation.methods.end(),
                     [&](const MethodResult& m) { return m.name == name; });
    if (baseline == evaluation.methods.end()) continue;
    for (const MethodResult& method : evaluation.methods) {
      if (method.name == name) continue;
      evaluation.differences.push_back(
          CompareNdcg(tasks, method, *baseline, options.run.seed));
    }
  }
}

}  // namespace

absl::StatusOr<Evaluation> Evaluate(absl::Span<const Method> methods,
                                    absl::Span<const Task> tasks,
                                    LlmBackend& backend,
                                    const EvaluateOptions& options) {
  ATTUNE_RETURN_IF_ERROR(CheckInput(methods, tasks));
  Evaluation evaluation;
  evaluation.num_tasks = static_cast<int>(tasks.size());
  evaluation.num_candidates = static_cast<int>(tasks[0].candidates.size());
  evaluation.chance_ndcg =
      policy::RandomNdcgAt(kCutoff, evaluation.num_candidates);
  for (const Method& method : methods) {
    ATTUNE_ASSIGN_OR_RETURN(MethodResult result,
                            EvaluateMethod(method, tasks, backend, options));
    result.normalised_ndcg =
        Normalised(result.ndcg.mean, evaluation.chance_ndcg);
    evaluation.num_users = std::max(evaluation.num_users, result.ndcg.count);
    evaluation.methods.push_back(std::move(result));
  }
  Compare(tasks, options, evaluation);
  return evaluation;
}

std::vector<double> PerUser(absl::Span<const Task> tasks,
                            absl::Span<const Outcome> outcomes,
                            const std::function<double(int rank)>& metric) {
  std::vector<double> result;
  std::map<int, std::vector<double>> by_user;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (outcomes[i].rank == 0) continue;
    const double value = metric(outcomes[i].rank);
    if (tasks[i].user < 0) {
      result.push_back(value);
    } else {
      by_user[tasks[i].user].push_back(value);
    }
  }
  for (const auto& [user, values] : by_user) result.push_back(Mean(values));
  return result;
}

Difference CompareNdcg(absl::Span<const Task> tasks, const MethodResult& method,
                       const MethodResult& baseline, uint64_t seed) {
  std::vector<Outcome> ours = method.outcomes;
  std::vector<Outcome> theirs = baseline.outcomes;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const bool both = ours[i].rank > 0 && theirs[i].rank > 0;
    if (!both) ours[i].rank = theirs[i].rank = 0;
  }
  return {.method = method.name,
          .baseline = baseline.name,
          .ndcg = PairedDifference(PerUser(tasks, ours, Ndcg),
                                   PerUser(tasks, theirs, Ndcg), seed)};
}

}  // namespace attune::trainer
