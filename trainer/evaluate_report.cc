// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "trainer/evaluate.h"

namespace attune::trainer {
namespace {

using Json = nlohmann::ordered_json;

std::string Cell(const Interval& interval) {
  return absl::StrFormat("%.3f [%.3f, %.3f]", interval.mean, interval.low,
                         interval.high);
}

Json ToObject(const Interval& interval) {
  return {{"mean", interval.mean},
          {"low", interval.low},
          {"high", interval.high},
          {"users", interval.count}};
}

Json ToObject(const MethodResult& method) {
  Json object = {{"name", method.name},
                 {"uses_llm", method.uses_llm},
                 {"ndcg_at_10", ToObject(method.ndcg)},
                 {"mrr", ToObject(method.mrr)},
                 {"hr_at_1", ToObject(method.hit)},
                 {"normalised_ndcg_at_10", method.normalised_ndcg},
                 {"wall_seconds", method.wall_seconds}};
  if (!method.uses_llm) return object;
  object["dropped"] = method.dropped;
  object["partial_parses"] = method.partial_parses;
  object["failed_parses"] = method.failed_parses;
  object["llm_calls"] = method.usage.llm_calls;
  object["prompt_tokens"] = method.usage.prompt_tokens;
  object["answer_tokens"] = method.usage.answer_tokens;
  return object;
}

}  // namespace

std::string ToTable(const Evaluation& evaluation) {
  std::string text = absl::StrFormat(
      "%d tasks, %d users, %d candidates; chance NDCG@10 %.3f; 95%% "
      "intervals\n%-12s %-22s %-22s %-22s %7s %7s %6s %6s\n",
      evaluation.num_tasks, evaluation.num_users, evaluation.num_candidates,
      evaluation.chance_ndcg, "method", "NDCG@10", "MRR", "HR@1", "calls",
      "dropped", "parse", "s");
  for (const MethodResult& method : evaluation.methods) {
    absl::StrAppendFormat(
        &text, "%-12s %-22s %-22s %-22s %7d %7d %6d %6.1f\n", method.name,
        Cell(method.ndcg), Cell(method.mrr), Cell(method.hit),
        method.usage.llm_calls, method.dropped,
        method.partial_parses + method.failed_parses, method.wall_seconds);
  }
  // Every pair is in the JSON; a reader asks about the last method, the policy.
  for (const Difference& difference : evaluation.differences) {
    if (difference.method != evaluation.methods.back().name) continue;
    absl::StrAppendFormat(&text, "%-12s - %-12s NDCG@10 %+.3f [%+.3f, %+.3f]\n",
                          difference.method, difference.baseline,
                          difference.ndcg.mean, difference.ndcg.low,
                          difference.ndcg.high);
  }
  return text;
}

std::string ToJson(const Evaluation& evaluation) {
  Json root = {{"tasks", evaluation.num_tasks},
               {"users", evaluation.num_users},
               {"candidates", evaluation.num_candidates},
               {"chance_ndcg_at_10", evaluation.chance_ndcg},
               {"methods", Json::array()},
               {"differences", Json::array()}};
  for (const MethodResult& method : evaluation.methods) {
    root["methods"].push_back(ToObject(method));
  }
  for (const Difference& difference : evaluation.differences) {
    root["differences"].push_back({{"method", difference.method},
                                   {"baseline", difference.baseline},
                                   {"ndcg_at_10", ToObject(difference.ndcg)}});
  }
  return root.dump(2);
}

}  // namespace attune::trainer
