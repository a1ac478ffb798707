// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/edit_search.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "policy/status_macros.h"
#include "trainer/chooser.h"
#include "trainer/prompt_run.h"
#include "trainer/statistics.h"

namespace attune::trainer {
namespace {

// Stream of the seed; see policy::Rng.
constexpr uint64_t kStream = 45;
constexpr int kMinTasks = 8;
constexpr int kMaxTasks = 100;
// Edits tried before an iteration makes do with fewer candidates.
constexpr int kAttempts = 50;

// One place where an edit can put an option.
struct Place {
  int pattern = 0;
  int option = 0;
};

// Every other option that an edit of this kind allows for pattern k.
void AddPlaces(const policy::Catalog& catalog, const FixedOptions& base,
               Edit edit, int k, std::vector<Place>& places) {
  const policy::Pattern& pattern = catalog.patterns[k];
  const int empty = EmptyOption(pattern);
  const int count = static_cast<int>(pattern.options.size());
  for (int option = 0; option < count; ++option) {
    if (option == base[k]) continue;
    const bool fits = edit == Edit::kDelete ? option == empty
                      : edit == Edit::kAdd
                          ? base[k] == empty
                          : base[k] != empty && option != empty;
    if (fits || edit == Edit::kSwap) places.push_back({k, option});
  }
}

std::vector<FixedOptions> Candidates(const policy::Catalog& catalog,
                                     const FixedOptions& base, int count,
                                     policy::Rng& rng) {
  std::vector<FixedOptions> candidates;
  for (int i = 0; i < kAttempts; ++i) {
    if (static_cast<int>(candidates.size()) == count) break;
    const auto edit = static_cast<Edit>(rng.Below(kEdits));
    std::optional<FixedOptions> edited = ApplyEdit(catalog, base, edit, rng);
    if (!edited.has_value() || *edited == base) continue;
    if (std::find(candidates.begin(), candidates.end(), *edited) ==
        candidates.end()) {
      candidates.push_back(*std::move(edited));
    }
  }
  return candidates;
}

class Search {
 public:
  Search(const policy::Policy& policy, LlmBackend& backend,
         absl::Span<const Task> tasks, const EditSearchOptions& options)
      : policy_(policy),
        backend_(backend),
        tasks_(tasks),
        options_(options),
        rng_(options.seed, kStream),
        count_(static_cast<int>(std::min<size_t>(tasks.size(), Wanted()))) {
    result_.best = DefaultOptions(policy.catalog());
  }

  absl::StatusOr<EditSearchResult> Run() {
    while (Affords(1 + options_.candidates)) {
      ATTUNE_ASSIGN_OR_RETURN(result_.mean, Score(result_.best));
      int stale = 0;
      while (stale < options_.patience && Affords(options_.candidates)) {
        ATTUNE_ASSIGN_OR_RETURN(const bool better, Iterate());
        stale = better ? 0 : stale + 1;
      }
      first_ += count_;
      if (first_ + count_ > static_cast<int>(tasks_.size())) first_ = 0;
    }
    return result_;
  }

  // Whether `prompts` can be scored with what is left.
  bool Affords(int prompts) const {
    return result_.llm_rankings + prompts * count_ <= options_.budget;
  }

 private:
  int Wanted() const {
    if (options_.tasks > 0) return options_.tasks;
    return std::clamp(options_.budget / 16, kMinTasks, kMaxTasks);
  }

  // Whether one of the edited prompts became the best.
  absl::StatusOr<bool> Iterate() {
    bool better = false;
    const FixedOptions base = result_.best;
    for (FixedOptions& candidate :
         Candidates(policy_.catalog(), base, options_.candidates, rng_)) {
      ATTUNE_ASSIGN_OR_RETURN(const double mean, Score(candidate));
      if (mean <= result_.mean) continue;
      result_.mean = mean;
      result_.best = std::move(candidate);
      better = true;
    }
    result_.accepted += better ? 1 : 0;
    return better;
  }

  absl::StatusOr<double> Score(const FixedOptions& prompt) {
    const absl::Span<const Task> tasks = tasks_.subspan(first_, count_);
    RunOptions run_options;
    run_options.seed = options_.seed + first_;
    ATTUNE_ASSIGN_OR_RETURN(
        const PromptRun run,
        RunPrompts(backend_, FixedPrompt(policy_, prompt), tasks, run_options));
    std::vector<double> rewards;
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (run.outcomes[i].rank == 0) continue;
      rewards.push_back(Reward(tasks[i], run.outcomes[i].ranking));
    }
    result_.llm_rankings += count_;
    result_.dropped += count_ - static_cast<int>(rewards.size());
    if (rewards.empty()) {
      return absl::UnavailableError(
          "the LLM failed on every task of an edited prompt");
    }
    if (options_.progress) options_.progress(result_.llm_rankings);
    return Mean(rewards);
  }

  const policy::Policy& policy_;
  LlmBackend& backend_;
  const absl::Span<const Task> tasks_;
  const EditSearchOptions& options_;
  policy::Rng rng_;
  const int count_;  // tasks that score a prompt
  int first_ = 0;    // of these tasks
  EditSearchResult result_;
};

}  // namespace

int EmptyOption(const policy::Pattern& pattern) {
  for (size_t i = 0; i < pattern.options.size(); ++i) {
    const policy::Option& option = pattern.options[i];
    switch (pattern.kind) {
      case policy::PatternKind::kHistory:
        break;
      case policy::PatternKind::kHint:
        if (option.hint == policy::HintSource::kNone) {
          return static_cast<int>(i);
        }
        break;
      case policy::PatternKind::kSentence:
      case policy::PatternKind::kFormat:
        if (option.text.empty()) return static_cast<int>(i);
        break;
    }
  }
  return -1;
}

std::optional<FixedOptions> ApplyEdit(const policy::Catalog& catalog,
                                      const FixedOptions& base, Edit edit,
                                      policy::Rng& rng) {
  const auto pick = [&rng](const auto& list) {
    return list[rng.Below(static_cast<uint32_t>(list.size()))];
  };
  FixedOptions edited = base;
  int reverted = -1;
  if (edit == Edit::kSwap) {
    const FixedOptions defaults = DefaultOptions(catalog);
    std::vector<int> changed;
    for (size_t k = 0; k < base.size(); ++k) {
      if (base[k] != defaults[k]) changed.push_back(static_cast<int>(k));
    }
    if (changed.empty()) return std::nullopt;
    reverted = pick(changed);
    edited[reverted] = defaults[reverted];
  }
  std::vector<Place> places;
  for (int k = 0; k < static_cast<int>(base.size()); ++k) {
    if (k != reverted) AddPlaces(catalog, base, edit, k, places);
  }
  if (places.empty()) return std::nullopt;
  const Place place = pick(places);
  edited[place.pattern] = place.option;
  return edited;
}

absl::StatusOr<EditSearchResult> SearchByEdits(
    const policy::Policy& policy, LlmBackend& backend,
    absl::Span<const Task> tasks, const EditSearchOptions& options) {
  if (tasks.empty()) return absl::InvalidArgumentError("tasks: empty");
  if (options.candidates < 1 || options.patience < 1 || options.tasks < 0) {
    return absl::InvalidArgumentError(
        "candidates and patience must be at least 1, tasks at least 0");
  }
  Search search(policy, backend, tasks, options);
  if (!search.Affords(1 + options.candidates)) {
    return absl::InvalidArgumentError(
        "budget: too small to score one prompt and its edits");
  }
  return search.Run();
}

}  // namespace attune::trainer
