// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <nlohmann/json.hpp>

#include "trainer/evaluation.h"

namespace attune::trainer {
namespace {

using Json = nlohmann::ordered_json;

template <typename T, typename ToObject>
Json Array(const std::vector<T>& list, const ToObject& to_object) {
  Json array = Json::array();
  for (const T& one : list) array.push_back(to_object(one));
  return array;
}

Json OfInterval(const Interval& interval) {
  return {
      {"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

const char* KindName(MethodKind kind) {
  switch (kind) {
    case MethodKind::kScorer:
      return "scorer";
    case MethodKind::kPrompt:
      return "prompt";
    case MethodKind::kLearner:
      return "learner";
    case MethodKind::kOracle:
      return "oracle";
  }
  return "";
}

Json OfCatalog(const policy::Catalog& catalog) {
  return {
      {"name", catalog.name},
      {"digest", catalog.digest},
      {"patterns", Array(catalog.patterns, [](const policy::Pattern& pattern) {
         return Json{{"name", pattern.name},
                     {"options",
                      Array(pattern.options, [](const policy::Option& option) {
                        return Json(option.id);
                      })}};
       })}};
}

Json OfCost(const Cost& cost) {
  return {{"llm_calls", cost.llm_calls},
          {"prompt_tokens", cost.prompt_tokens},
          {"answer_tokens", cost.answer_tokens},
          {"wall_seconds", cost.wall_seconds},
          {"dropped", cost.dropped},
          {"partial_parses", cost.partial_parses},
          {"failed_parses", cost.failed_parses}};
}

Json OfSlices(const MethodSummary& method) {
  Json slices;
  for (const SliceMetrics& metrics : method.slices) {
    slices[SliceName(metrics.slice)] = {
        {"tasks", metrics.tasks},
        {"users", metrics.users},
        {"ndcg_at_1", OfInterval(metrics.ndcg_at_1)},
        {"ndcg_at_5", OfInterval(metrics.ndcg_at_5)},
        {"ndcg_at_10", OfInterval(metrics.ndcg_at_10)},
        {"mrr", OfInterval(metrics.mrr)},
        {"hit_at_1", OfInterval(metrics.hit_at_1)},
        {"normalised_ndcg", metrics.normalised_ndcg}};
  }
  return slices;
}

Json OfMethod(const MethodSummary& method) {
  return {{"name", method.name},
          {"kind", KindName(method.kind)},
          {"upper_bound", method.kind == MethodKind::kOracle},
          {"train_llm_calls", method.train_llm_calls},
          {"cost", OfCost(method.cost)},
          {"slices", OfSlices(method)}};
}

Json OfComparison(const Comparison& comparison) {
  return {{"method", comparison.method},
          {"baseline", comparison.baseline},
          {"slice", SliceName(comparison.slice)},
          {"difference", OfInterval(comparison.difference)},
          {"p", comparison.p},
          {"p_holm", comparison.p_holm}};
}

Json OfDrop(const ShuffleDrop& drop) {
  return {{"method", drop.method},
          {"scope",
           drop.scope == ShuffleScope::kAllUsers ? "all_users" : "same_slices"},
          {"slice", SliceName(drop.slice)},
          {"drop", OfInterval(drop.drop)},
          {"p", drop.p}};
}

Json OfHeadroom(const SliceHeadroom& headroom) {
  return {{"slice", SliceName(headroom.slice)},
          {"cross_fitted", OfInterval(headroom.headroom.cross_fitted)},
          {"naive", OfInterval(headroom.headroom.naive)},
          {"users", headroom.headroom.users},
          {"targets_per_user", headroom.headroom.targets_per_user}};
}

Json OfEffect(const NamedEffect& effect) {
  return {{"pattern", effect.pattern},
          {"option", effect.option},
          {"mean", effect.effect.mean},
          {"standard_error", effect.effect.standard_error},
          {"between_user_deviation", effect.effect.between_user_deviation},
          {"p", effect.effect.p}};
}

Json OfAblation(const Ablation& ablation) {
  return {{"name", ablation.name},
          {"ndcg_at_10", OfInterval(ablation.ndcg_at_10)},
          {"difference", OfInterval(ablation.difference)}};
}

Json OfPosition(const PositionPoint& point) {
  return {{"method", point.method},
          {"position", point.position},
          {"ndcg_at_10", point.ndcg_at_10},
          {"tasks", point.tasks}};
}

Json OfChoices(const ChoiceShares& choices) {
  return {{"method", choices.method},
          {"pattern", choices.pattern},
          {"group_by", choices.group_by},
          {"group", choices.group},
          {"tasks", choices.tasks},
          {"shares", Array(choices.shares, [](const OptionShare& share) {
             return Json{{"option", share.option}, {"share", share.share}};
           })}};
}

Json OfCurve(const LearningCurve& curve) {
  return {
      {"method", curve.method},
      {"seed", curve.seed},
      {"points", Array(curve.points, [](const CurvePoint& point) {
         return Json{{"llm_calls", point.llm_calls}, {"reward", point.reward}};
       })}};
}

Json OfFound(const policy::Catalog& catalog, const FoundPrompt& found) {
  Json options;
  for (size_t k = 0; k < found.options.size(); ++k) {
    const policy::Pattern& pattern = catalog.patterns[k];
    options[pattern.name] = pattern.options[found.options[k]].id;
  }
  return {{"method", found.method},
          {"seed", found.seed},
          {"options", std::move(options)},
          {"llm_rankings", found.llm_rankings},
          {"validation_ndcg_at_10", found.validation_ndcg}};
}

}  // namespace

std::string ToJson(const Evaluation& evaluation) {
  const Json root = {
      {"schema", "attune.evaluation/1"},
      {"dataset", evaluation.dataset},
      {"llm", evaluation.llm},
      {"readout", evaluation.readout},
      {"catalog", OfCatalog(*evaluation.catalog)},
      {"candidates",
       {{"count", evaluation.candidates}, {"sampling", evaluation.negatives}}},
      {"budget", evaluation.budget},
      {"seeds", evaluation.seeds},
      {"tasks", evaluation.tasks},
      {"users", evaluation.users},
      {"chance", {{"ndcg_at_10", evaluation.chance_ndcg}}},
      {"methods", Array(evaluation.methods, OfMethod)},
      {"comparisons", Array(evaluation.comparisons, OfComparison)},
      {"shuffle", Array(evaluation.shuffle, OfDrop)},
      {"headroom", Array(evaluation.headroom, OfHeadroom)},
      {"option_effects", Array(evaluation.effects, OfEffect)},
      {"ablations", Array(evaluation.ablations, OfAblation)},
      {"position_curve", Array(evaluation.positions, OfPosition)},
      {"choices", Array(evaluation.choices, OfChoices)},
      {"learning_curves", Array(evaluation.curves, OfCurve)},
      {"found_prompts",
       Array(evaluation.found, [&evaluation](const FoundPrompt& found) {
         return OfFound(*evaluation.catalog, found);
       })}};
  return root.dump(2) + "\n";
}

}  // namespace attune::trainer
