// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "trainer/evaluation.h"

namespace attune::trainer {
namespace {

std::string Cell(const Interval& interval) {
  return absl::StrFormat("%.3f [%.3f, %.3f]", interval.mean, interval.low,
                         interval.high);
}

std::string Signed(const Interval& interval) {
  return absl::StrFormat("%+.3f [%+.3f, %+.3f]", interval.mean, interval.low,
                         interval.high);
}

std::string NameOf(const MethodSummary& method) {
  return method.kind == MethodKind::kOracle ? method.name + " (bound)"
                                            : method.name;
}

void AddMethods(const Evaluation& evaluation, std::string& text) {
  absl::StrAppendFormat(&text, "%-16s %-22s %6s %-22s %-22s %6s %7s %6s %6s\n",
                        "method", "NDCG@10", "norm.", "MRR", "HR@1", "train",
                        "asked", "faults", "parse");
  for (const MethodSummary& method : evaluation.methods) {
    const SliceMetrics& all = method.slices[0];
    absl::StrAppendFormat(
        &text, "%-16s %-22s %6.3f %-22s %-22s %6d %7d %6d %6d\n",
        NameOf(method), Cell(all.ndcg_at_10), all.normalised_ndcg,
        Cell(all.mrr), Cell(all.hit_at_1), method.train_llm_calls,
        method.cost.llm_calls, method.cost.dropped,
        method.cost.partial_parses + method.cost.failed_parses);
  }
}

void AddSlices(const Evaluation& evaluation, std::string& text) {
  for (size_t s = 1; s < std::size(kSlices); ++s) {
    bool titled = false;
    for (const MethodSummary& method : evaluation.methods) {
      const SliceMetrics& metrics = method.slices[s];
      if (metrics.users == 0) continue;
      if (!titled) {
        absl::StrAppendFormat(&text, "\nNDCG@10, %s\n", SliceName(kSlices[s]));
      }
      titled = true;
      absl::StrAppendFormat(&text, "%-16s %-22s %d users, %d tasks\n",
                            NameOf(method), Cell(metrics.ndcg_at_10),
                            metrics.users, metrics.tasks);
    }
  }
}

void AddComparisons(const Evaluation& evaluation, std::string& text) {
  if (evaluation.comparisons.empty()) return;
  absl::StrAppend(&text,
                  "\nNDCG@10 above a baseline (p after Holm's correction)\n");
  for (const Comparison& one : evaluation.comparisons) {
    absl::StrAppendFormat(&text, "%-16s - %-12s %-12s %s  p %.4f\n", one.method,
                          one.baseline, SliceName(one.slice),
                          Signed(one.difference), one.p_holm);
  }
}

void AddShuffle(const Evaluation& evaluation, std::string& text) {
  if (evaluation.shuffle.empty()) return;
  std::string title;
  for (const ShuffleDrop& drop : evaluation.shuffle) {
    const std::string next =
        drop.scope == ShuffleScope::kAllUsers
            ? "NDCG@10 lost when users get each other's choices"
            : "The same, only among tasks of the same slices";
    if (next != title) absl::StrAppend(&text, "\n", next, "\n");
    title = next;
    absl::StrAppendFormat(&text, "%-16s %-12s %s  p %.4f\n", drop.method,
                          SliceName(drop.slice), Signed(drop.drop), drop.p);
  }
}

void AddHeadroom(const Evaluation& evaluation, std::string& text) {
  if (evaluation.headroom.empty()) return;
  absl::StrAppend(&text, "\nHeadroom of a per-user oracle over best_fixed\n");
  for (const SliceHeadroom& one : evaluation.headroom) {
    absl::StrAppendFormat(
        &text, "%-12s cross-fitted %s, naive %s; %d users, %.1f targets each\n",
        SliceName(one.slice), Signed(one.headroom.cross_fitted),
        Signed(one.headroom.naive), one.headroom.users,
        one.headroom.targets_per_user);
  }
}

void AddEffects(const Evaluation& evaluation, std::string& text) {
  if (evaluation.effects.empty()) return;
  absl::StrAppend(&text,
                  "\nOptions against their pattern's default; p of users not "
                  "differing\n");
  for (const NamedEffect& one : evaluation.effects) {
    absl::StrAppendFormat(
        &text, "%-10s %-18s %+.3f (se %.3f), between users %.3f, p %.4f\n",
        one.pattern, one.option, one.effect.mean, one.effect.standard_error,
        one.effect.between_user_deviation, one.effect.p);
  }
}

void AddAblations(const Evaluation& evaluation, std::string& text) {
  if (evaluation.ablations.empty()) return;
  absl::StrAppend(&text, "\nAblations: NDCG@10, and minus the whole\n");
  for (const Ablation& one : evaluation.ablations) {
    absl::StrAppendFormat(&text, "%-34s %s  %s\n", one.name,
                          Cell(one.ndcg_at_10), Signed(one.difference));
  }
}

void AddFound(const Evaluation& evaluation, std::string& text) {
  if (evaluation.found.empty()) return;
  absl::StrAppend(&text, "\nPrompts found on validation users\n");
  for (const FoundPrompt& found : evaluation.found) {
    std::vector<std::string> words;
    for (size_t k = 0; k < found.options.size(); ++k) {
      const policy::Pattern& pattern = evaluation.catalog->patterns[k];
      words.push_back(absl::StrCat(pattern.name, "=",
                                   pattern.options[found.options[k]].id));
    }
    absl::StrAppendFormat(&text, "%-12s seed %d, %d LLM rankings: %s\n",
                          found.method, found.seed, found.llm_rankings,
                          absl::StrJoin(words, " "));
  }
}

}  // namespace

std::string ToTable(const Evaluation& evaluation) {
  std::string text = absl::StrFormat(
      "%s, %s, %s: %d tasks of %d test users, %d candidates (%s); budget %d "
      "LLM rankings, %d seeds; chance NDCG@10 %.3f; 95%% intervals\n",
      evaluation.dataset, evaluation.llm, evaluation.readout, evaluation.tasks,
      evaluation.users, evaluation.candidates, evaluation.negatives,
      evaluation.budget, evaluation.seeds.size(), evaluation.chance_ndcg);
  AddMethods(evaluation, text);
  AddSlices(evaluation, text);
  AddComparisons(evaluation, text);
  AddShuffle(evaluation, text);
  AddHeadroom(evaluation, text);
  AddEffects(evaluation, text);
  AddAblations(evaluation, text);
  AddFound(evaluation, text);
  return text;
}

}  // namespace attune::trainer
