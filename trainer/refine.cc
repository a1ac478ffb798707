// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/refine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "policy/grown_catalog.h"
#include "policy/status_macros.h"
#include "trainer/chooser.h"
#include "trainer/prompt_run.h"
#include "trainer/statistics.h"

namespace attune::trainer {
namespace {

// What `policy` renders when `agents` choose and one option is set.
Chooser WithOption(const policy::Policy& agents, const policy::Policy& policy,
                   int pattern, int option) {
  return
      [&agents, &policy, pattern, option](
          const policy::Request& request) -> absl::StatusOr<policy::Decision> {
        policy::Request greedy = request;
        greedy.mode = policy::DecisionMode::kGreedy;
        ATTUNE_ASSIGN_OR_RETURN(const policy::Decision decision,
                                agents.Decide(greedy));
        std::vector<int> options;
        for (const policy::PatternChoice& chosen : decision.choice.patterns) {
          options.push_back(chosen.option);
        }
        options[pattern] = option;
        return policy.Preview(request, options);
      };
}

FailedCase CaseOf(const Task& task, const Outcome& outcome) {
  FailedCase failure{.ranked_at = outcome.rank,
                     .candidates = static_cast<int>(task.candidates.size())};
  while (task.permutation.CandidateAt(failure.shown_at) != task.target) {
    ++failure.shown_at;
  }
  ++failure.shown_at;
  return failure;
}

// Tries options of one pattern on common tasks, from the first on.
class Trials {
 public:
  Trials(const RefineTarget& target, const RefineOptions& options)
      : target_(target), options_(options) {}

  // Asks `backend` with option `trial.options[0]` of the pattern in `policy` on
  // the next `count` tasks.
  absl::Status Extend(const policy::Policy& policy, LlmBackend& backend,
                      int count, Trial& trial) {
    const size_t begin = trial.rewards.size();
    while (tasks_.size() < begin + count) {
      tasks_.push_back(target_.task(static_cast<int>(tasks_.size())));
    }
    const absl::Span<const Task> tasks =
        absl::MakeConstSpan(tasks_).subspan(begin, count);
    ATTUNE_ASSIGN_OR_RETURN(
        const PromptRun run,
        RunPrompts(backend,
                   WithOption(target_.revision.policy(), policy,
                              target_.pattern, trial.options[0]),
                   tasks, {.seed = options_.seed + begin}));
    for (size_t i = 0; i < tasks.size(); ++i) {
      ATTUNE_RETURN_IF_ERROR(Record(begin + i, run.outcomes[i], trial));
    }
    return absl::OkStatus();
  }

  // The worst tasks of the sentence that is to be rewritten.
  std::vector<FailedCase> Failures() const {
    std::vector<FailedCase> failures = cases_;
    std::erase_if(failures,
                  [](const FailedCase& c) { return c.ranked_at <= 1; });
    std::stable_sort(failures.begin(), failures.end(),
                     [](const FailedCase& a, const FailedCase& b) {
                       return a.ranked_at > b.ranked_at;
                     });
    if (static_cast<int>(failures.size()) > options_.failures) {
      failures.resize(options_.failures);
    }
    return failures;
  }

  std::vector<std::string> Titles() const {
    std::vector<std::string> titles;
    for (const Task& task : tasks_) {
      for (const auto* items : {&task.history, &task.candidates}) {
        for (const policy::Item& item : *items) titles.push_back(item.title);
      }
    }
    return titles;
  }

  // Samples of options below `count` or in `joined`, which get the indices from
  // `count` on.
  std::vector<Sample> TakeSamples(int count, const std::vector<int>& joined) {
    std::vector<Sample> kept;
    for (Sample& sample : samples_) {
      int& option = sample.options[target_.pattern];
      if (option >= count) {
        const auto it = std::find(joined.begin(), joined.end(), option);
        if (it == joined.end()) continue;
        option = count + static_cast<int>(it - joined.begin());
      }
      kept.push_back(std::move(sample));
    }
    return kept;
  }

  int64_t rankings() const { return rankings_; }
  int64_t dropped() const { return dropped_; }

 private:
  absl::Status Record(size_t index, const Outcome& outcome, Trial& trial) {
    ++rankings_;
    if (outcome.rank == 0) {
      ++dropped_;
      trial.rewards.push_back(std::numeric_limits<double>::quiet_NaN());
      return absl::OkStatus();
    }
    const Task& task = tasks_[index];
    ATTUNE_ASSIGN_OR_RETURN(
        const policy::UserState state,
        target_.revision.policy().Encode(RequestOf(task, 0)));
    Sample sample{
        .state = state.features,
        .options = outcome.options,
        .probabilities = std::vector<float>(outcome.options.size(), 1.0F),
        .reward = Reward(task, outcome.ranking),
        .ease = Ease(task, state.candidate_scores),
        .group = static_cast<int64_t>(index)};
    trial.rewards.push_back(sample.reward);
    samples_.push_back(std::move(sample));
    if (trial.options[0] == target_.parent) {
      cases_.push_back(CaseOf(task, outcome));
    }
    return absl::OkStatus();
  }

  const RefineTarget& target_;
  const RefineOptions& options_;
  std::vector<Task> tasks_;
  std::vector<Sample> samples_;
  std::vector<FailedCase> cases_;
  int64_t rankings_ = 0;
  int64_t dropped_ = 0;
};

// Asks for sentences and lints them, each beside those before it.
std::vector<Rewrite> AskAndLint(const RefineTarget& target,
                                const RefineOptions& options,
                                const Trials& trials, Rewriter& rewriter,
                                absl::Status& fault) {
  const policy::Catalog& catalog = target.revision.policy().catalog();
  policy::Pattern pattern = catalog.patterns[target.pattern];
  const absl::StatusOr<std::vector<std::string>> sentences =
      rewriter.Rewrite({.pattern = pattern.name,
                        .kind = pattern.kind,
                        .sentence = pattern.options[target.parent].text,
                        .domain = catalog.domain,
                        .failures = trials.Failures(),
                        .count = options.rewrites,
                        .seed = options.seed});
  fault = sentences.status();
  std::vector<Rewrite> rewrites;
  if (!sentences.ok()) return rewrites;
  const std::vector<std::string> titles = trials.Titles();
  for (const std::string& sentence : *sentences) {
    Rewrite& rewrite = rewrites.emplace_back();
    rewrite.sentence = sentence;
    rewrite.refusal =
        Lint(sentence, {pattern, target.parent, titles}, options.lint);
    if (rewrite.refusal.has_value()) continue;
    pattern.options.push_back(pattern.options[target.parent]);
    pattern.options.back().text = sentence;
  }
  return rewrites;
}

absl::StatusOr<std::shared_ptr<const policy::Catalog>> Grow(
    const RefineTarget& target, const Rewriter& rewriter,
    absl::Span<const Rewrite* const> rewrites) {
  std::vector<policy::AddedOption> added;
  for (const Rewrite* rewrite : rewrites) {
    added.push_back({.pattern = target.pattern,
                     .parent = target.parent,
                     .text = rewrite->sentence,
                     .lineage = {.model = rewriter.Model(),
                                 .instruction = rewriter.InstructionVersion(),
                                 .revision = target.revision.id(),
                                 .reward = rewrite->reward,
                                 .parent_reward = rewrite->parent_reward,
                                 .tasks = std::max(1, rewrite->tasks)}});
  }
  return policy::GrowCatalog(target.revision.policy().catalog(), added);
}

absl::StatusOr<std::shared_ptr<const policy::Revision>> WithCatalog(
    const RefineTarget& target,
    std::shared_ptr<const policy::Catalog> catalog) {
  ExportSettings settings = target.settings;
  const policy::Catalog& old = target.revision.policy().catalog();
  settings.catalog = std::move(catalog);
  ATTUNE_ASSIGN_OR_RETURN(
      std::string artifact,
      MakeRevision(settings, GrowAgents(target.agents, old, *settings.catalog),
                   target.golden));
  return policy::Revision::Load(std::move(artifact));
}

// The better `keep` trials against the parent, in their old order.
std::vector<int> Best(const std::vector<int>& alive,
                      const std::vector<Trial>& trials, const Trial& parent,
                      int keep) {
  std::vector<int> order = alive;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const PairedComparison x = Compare(trials[a], parent);
    const PairedComparison y = Compare(trials[b], parent);
    return x.mean - x.parent_mean > y.mean - y.parent_mean;
  });
  order.resize(std::min<size_t>(order.size(), keep));
  std::sort(order.begin(), order.end());
  return order;
}

// Halves trials of options from `first` on; `parent` plays every task.
absl::Status Halve(const RefineOptions& options, const policy::Policy& policy,
                   LlmBackend& backend, Trials& runner, Trial& parent,
                   std::vector<Trial>& trials) {
  const std::vector<HalvingRound> rounds =
      HalvingSchedule(static_cast<int>(trials.size()) + 1, options.calls,
                      /*min_tasks=*/1, options.calls);
  std::vector<int> alive(trials.size());
  std::iota(alive.begin(), alive.end(), 0);
  int tasks = 0;
  for (const HalvingRound& round : rounds) {
    alive = Best(alive, trials, parent, round.prompts - 1);
    tasks += round.tasks;
    const int parents = tasks - static_cast<int>(parent.rewards.size());
    if (parents > 0) {
      ATTUNE_RETURN_IF_ERROR(runner.Extend(policy, backend, parents, parent));
    }
    for (const int i : alive) {
      ATTUNE_RETURN_IF_ERROR(
          runner.Extend(policy, backend, round.tasks, trials[i]));
    }
  }
  return absl::OkStatus();
}

void Judge(const RefineOptions& options, const Trial& trial,
           const Trial& parent, Rewrite& rewrite) {
  const PairedComparison seen = Compare(trial, parent);
  rewrite.reward = seen.mean;
  rewrite.parent_reward = seen.parent_mean;
  rewrite.standard_error = seen.standard_error;
  rewrite.tasks = seen.tasks;
  rewrite.joined = seen.tasks > 1 && seen.mean - seen.parent_mean >=
                                         options.errors * seen.standard_error;
}

}  // namespace

std::vector<policy::NamedTensor> GrowAgents(
    absl::Span<const policy::NamedTensor> agents,
    const policy::Catalog& old_catalog, const policy::Catalog& grown) {
  const std::vector<int> counts = old_catalog.OptionCounts();
  const auto parents = policy::ParentsOfAdded(grown, counts);
  std::vector<policy::NamedTensor> tensors(agents.begin(), agents.end());
  for (policy::NamedTensor& tensor : tensors) {
    for (size_t k = 0; k < counts.size(); ++k) {
      if (tensor.name != "head." + grown.patterns[k].name + ".bias") continue;
      for (const int parent : parents[k]) {
        tensor.values.push_back(tensor.values[parent]);
        ++tensor.shape[0];
      }
    }
  }
  return tensors;
}

PairedComparison Compare(const Trial& trial, const Trial& parent) {
  std::vector<double> own, differences;
  for (size_t i = 0; i < trial.rewards.size(); ++i) {
    const double difference = trial.rewards[i] - parent.rewards[i];
    if (std::isnan(difference)) continue;
    own.push_back(trial.rewards[i]);
    differences.push_back(difference);
  }
  PairedComparison result;
  result.mean = Mean(own);
  result.parent_mean = result.mean - Mean(differences);
  result.standard_error = StandardError(differences);
  result.tasks = static_cast<int>(own.size());
  return result;
}

absl::StatusOr<Refinement> Refine(const RefineTarget& target,
                                  Rewriter& rewriter,
                                  const RefineOptions& options) {
  if (options.rewrites < 1 || options.calls < 1 || options.probe_tasks < 1) {
    return absl::InvalidArgumentError(
        "rewrites, calls and probe tasks must be at least 1");
  }
  Refinement result;
  const policy::Policy& policy = target.revision.policy();
  result.catalog = policy.shared_catalog();
  Trials runner(target, options);
  Trial parent{.options = {target.parent}, .rewards = {}};
  ATTUNE_ASSIGN_OR_RETURN(LlmBackend * backend, target.backend(result.catalog));
  ATTUNE_RETURN_IF_ERROR(runner.Extend(
      policy, *backend, std::min(options.probe_tasks, options.calls), parent));
  if (runner.dropped() == runner.rankings()) {
    return absl::UnavailableError(
        "the LLM failed on every task of the sentence to be rewritten");
  }
  result.rewrites =
      AskAndLint(target, options, runner, rewriter, result.rewriter);

  std::vector<const Rewrite*> linted;
  std::vector<Trial> trials;
  const int count =
      static_cast<int>(result.catalog->patterns[target.pattern].options.size());
  for (const Rewrite& rewrite : result.rewrites) {
    if (rewrite.refusal.has_value()) continue;
    trials.push_back(
        {.options = {count + static_cast<int>(linted.size())}, .rewards = {}});
    linted.push_back(&rewrite);
  }
  std::vector<int> joined;
  if (!linted.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const auto trial_catalog,
                            Grow(target, rewriter, linted));
    ATTUNE_ASSIGN_OR_RETURN(const auto revision,
                            WithCatalog(target, trial_catalog));
    ATTUNE_ASSIGN_OR_RETURN(backend, target.backend(trial_catalog));
    ATTUNE_RETURN_IF_ERROR(
        Halve(options, revision->policy(), *backend, runner, parent, trials));
    std::vector<const Rewrite*> winners;
    for (size_t i = 0, trial = 0; i < result.rewrites.size(); ++i) {
      Rewrite& rewrite = result.rewrites[i];
      if (rewrite.refusal.has_value()) continue;
      Judge(options, trials[trial], parent, rewrite);
      if (rewrite.joined) {
        winners.push_back(&rewrite);
        joined.push_back(trials[trial].options[0]);
      }
      ++trial;
    }
    if (!winners.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(result.catalog, Grow(target, rewriter, winners));
    }
  }
  result.samples = runner.TakeSamples(count, joined);
  result.rankings = runner.rankings();
  result.dropped = runner.dropped();
  return result;
}

}  // namespace attune::trainer
