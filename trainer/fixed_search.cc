// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/fixed_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "policy/status_macros.h"
#include "trainer/chooser.h"
#include "trainer/prompt_run.h"
#include "trainer/statistics.h"

namespace attune::trainer {
namespace {

// Tasks whose mean counts as much as the belief that a change does nothing.
constexpr double kPriorTasks = 8.0;
constexpr int kMaxCombinations = 12;
// Options of the pattern that gained most which are combined with the others.
constexpr int kLeadingOptions = 3;

int Priority(policy::PatternKind kind) {
  switch (kind) {
    case policy::PatternKind::kHint:
      return 0;
    case policy::PatternKind::kHistory:
      return 1;
    case policy::PatternKind::kFormat:
      return 2;
    case policy::PatternKind::kSentence:
      return 3;
  }
  return 3;
}

double ShrunkGain(const Trial& base, const Trial& trial) {
  double sum = 0.0;
  int n = 0;
  const size_t common = std::min(base.rewards.size(), trial.rewards.size());
  for (size_t i = 0; i < common; ++i) {
    const double difference = trial.rewards[i] - base.rewards[i];
    if (std::isnan(difference)) continue;
    sum += difference;
    ++n;
  }
  return sum / (n + kPriorTasks);
}

// A pattern's option that gained over the default.
struct Change {
  int pattern = 0;
  int option = 0;
  double gain = 0.0;
};

// Largest gain first; ties keep the trials' order.
std::vector<Change> HelpfulChanges(absl::Span<const Trial> trials) {
  std::vector<Change> changes;
  for (const Trial& trial : trials.subspan(1)) {
    const double gain = ShrunkGain(trials[0], trial);
    if (!(gain > 0.0)) continue;
    for (size_t k = 0; k < trial.options.size(); ++k) {
      if (trial.options[k] == trials[0].options[k]) continue;
      changes.push_back({static_cast<int>(k), trial.options[k], gain});
    }
  }
  std::stable_sort(
      changes.begin(), changes.end(),
      [](const Change& a, const Change& b) { return a.gain > b.gain; });
  return changes;
}

void AddDistinct(FixedOptions options, std::vector<FixedOptions>& list) {
  if (static_cast<int>(list.size()) < kMaxCombinations &&
      std::find(list.begin(), list.end(), options) == list.end()) {
    list.push_back(std::move(options));
  }
}

// Runs trials through rounds on the tasks after `next_task`.
class Halving {
 public:
  Halving(const policy::Policy& policy, LlmBackend& backend,
          absl::Span<const Task> tasks, const FixedSearchOptions& options)
      : policy_(policy), backend_(backend), tasks_(tasks), options_(options) {}

  // All trials, in the given order, and the index of the best.
  struct Result {
    std::vector<Trial> trials;
    int best = 0;
  };
  absl::StatusOr<Result> Run(const std::vector<FixedOptions>& prompts,
                             int budget, size_t first_task) {
    const std::vector<HalvingRound> rounds = HalvingSchedule(
        static_cast<int>(prompts.size()), budget, options_.min_tasks,
        static_cast<int>(tasks_.size() - first_task));
    Result result;
    std::vector<int> alive(rounds.empty() ? 1 : rounds[0].prompts);
    std::iota(alive.begin(), alive.end(), 0);
    for (const int i : alive) result.trials.push_back({prompts[i], {}});
    for (const HalvingRound& round : rounds) {
      const int answered_before = spent_ - dropped_;
      for (const int i : alive) {
        ATTUNE_RETURN_IF_ERROR(
            Extend(result.trials[i], first_task, round.tasks));
      }
      if (spent_ - dropped_ == answered_before) {
        return absl::UnavailableError(
            "the LLM failed on every task of a round of fixed prompts");
      }
      std::vector<Trial> survivors;
      for (const int i : alive) survivors.push_back(result.trials[i]);
      std::vector<int> next;
      for (const int i : BetterHalf(survivors)) next.push_back(alive[i]);
      alive = std::move(next);
      if (options_.progress) options_.progress(spent_);
    }
    result.best = alive[0];
    return result;
  }

  int spent() const { return spent_; }
  int dropped() const { return dropped_; }

 private:
  absl::Status Extend(Trial& trial, size_t first_task, int count) {
    const size_t begin = first_task + trial.rewards.size();
    const absl::Span<const Task> tasks = tasks_.subspan(begin, count);
    RunOptions run_options;
    run_options.seed = options_.seed + begin;
    ATTUNE_ASSIGN_OR_RETURN(
        const PromptRun run,
        RunPrompts(backend_, FixedPrompt(policy_, trial.options), tasks,
                   run_options));
    for (size_t i = 0; i < tasks.size(); ++i) {
      const Outcome& outcome = run.outcomes[i];
      const bool answered = outcome.rank > 0;
      trial.rewards.push_back(answered
                                  ? Reward(tasks[i], outcome.ranking)
                                  : std::numeric_limits<double>::quiet_NaN());
      dropped_ += answered ? 0 : 1;
    }
    spent_ += count;
    return absl::OkStatus();
  }

  const policy::Policy& policy_;
  LlmBackend& backend_;
  absl::Span<const Task> tasks_;
  const FixedSearchOptions& options_;
  int spent_ = 0;
  int dropped_ = 0;
};

absl::Status CheckOptions(const FixedSearchOptions& options,
                          absl::Span<const Task> tasks) {
  if (tasks.empty()) return absl::InvalidArgumentError("tasks: empty");
  if (options.budget < 1 || options.min_tasks < 1) {
    return absl::InvalidArgumentError(
        "budget and min_tasks must be at least 1");
  }
  if (!(options.combine_share >= 0.0) || !(options.combine_share <= 1.0)) {
    return absl::InvalidArgumentError("combine_share must be in [0, 1]");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<FixedOptions> SingleChanges(const policy::Catalog& catalog) {
  std::vector<size_t> order(catalog.patterns.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return Priority(catalog.patterns[a].kind) <
           Priority(catalog.patterns[b].kind);
  });
  const FixedOptions base = DefaultOptions(catalog);
  std::vector<FixedOptions> result = {base};
  for (const size_t k : order) {
    const int n = static_cast<int>(catalog.patterns[k].options.size());
    for (int option = 0; option < n; ++option) {
      if (option == base[k]) continue;
      result.push_back(base);
      result.back()[k] = option;
    }
  }
  return result;
}

std::vector<FixedOptions> Combinations(const policy::Catalog& catalog,
                                       absl::Span<const Trial> trials) {
  const FixedOptions base = DefaultOptions(catalog);
  std::vector<FixedOptions> result = {base};
  if (trials.empty()) return result;
  const std::vector<Change> changes = HelpfulChanges(trials);
  if (changes.empty()) return result;
  // The best changes of all patterns, added one pattern at a time.
  FixedOptions all = base;
  std::vector<bool> changed(base.size(), false);
  std::vector<Change> others;
  for (const Change& change : changes) {
    if (changed[change.pattern]) continue;
    changed[change.pattern] = true;
    all[change.pattern] = change.option;
    AddDistinct(all, result);
    if (change.pattern != changes[0].pattern) others.push_back(change);
  }
  // The leading pattern's runners-up, alone and with each other pattern's best.
  int leading = 0;
  for (const Change& change : changes) {
    if (change.pattern != changes[0].pattern) continue;
    if (++leading > kLeadingOptions) break;
    FixedOptions single = base;
    single[change.pattern] = change.option;
    AddDistinct(single, result);
    for (const Change& other : others) {
      FixedOptions pair = single;
      pair[other.pattern] = other.option;
      AddDistinct(pair, result);
    }
  }
  return result;
}

absl::StatusOr<FixedSearchResult> SearchFixedPrompt(
    const policy::Policy& policy, LlmBackend& backend,
    absl::Span<const Task> tasks, const FixedSearchOptions& options) {
  ATTUNE_RETURN_IF_ERROR(CheckOptions(options, tasks));
  Halving halving(policy, backend, tasks, options);
  const policy::Catalog& catalog = policy.catalog();
  const int combine_budget =
      static_cast<int>(options.combine_share * options.budget);
  ATTUNE_ASSIGN_OR_RETURN(
      Halving::Result result,
      halving.Run(SingleChanges(catalog), options.budget - combine_budget, 0));
  if (combine_budget > 0) {
    // Fresh tasks while there are any: what looked good by luck looks worse.
    const size_t seen = result.trials[result.best].rewards.size();
    const size_t first = seen < tasks.size() / 2 ? seen : 0;
    ATTUNE_ASSIGN_OR_RETURN(result,
                            halving.Run(Combinations(catalog, result.trials),
                                        combine_budget, first));
  }
  const Trial& best = result.trials[result.best];
  std::vector<double> rewards;
  for (const double reward : best.rewards) {
    if (!std::isnan(reward)) rewards.push_back(reward);
  }
  return FixedSearchResult{.best = best.options,
                           .mean = Mean(rewards),
                           .tasks = static_cast<int>(rewards.size()),
                           .llm_rankings = halving.spent(),
                           .dropped = halving.dropped()};
}

}  // namespace attune::trainer
