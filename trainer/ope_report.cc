// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/ope_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace attune::trainer {
namespace {

using Json = nlohmann::ordered_json;

std::string InWords(const Estimate& estimate) {
  return absl::StrFormat("%7.4f [%7.4f, %7.4f]", estimate.value, estimate.low,
                         estimate.high);
}

Json ToJson(const Estimate& estimate) {
  return {{"value", estimate.value},
          {"low", estimate.low},
          {"high", estimate.high},
          {"standard_error", estimate.standard_error}};
}

Json LogJson(const LoggedSamples& log) {
  Json json = {{"decisions", log.decisions},
               {"used", log.samples.size()},
               {"users", log.users},
               {"without_reward", log.without_reward},
               {"greedy", log.greedy},
               {"apprentice", log.apprentice},
               {"other_catalog", log.other_catalog},
               {"other_readout", log.other_readout},
               {"other_state", log.other_state}};
  for (const auto& [revision, count] : log.revisions) {
    json["revisions"].push_back({{"revision", revision}, {"used", count}});
  }
  return json;
}

}  // namespace

std::string OpeTable(const OpeSubject& subject, const LoggedSamples& log,
                     const OpeReport& report) {
  std::string text = absl::StrFormat(
      "revision %s (%s) on %d decisions of %d users; not used: %d without a "
      "reward, %d greedy, %d apprentice, %d of another catalog, %d of another "
      "readout\n"
      "logged         %s\n",
      subject.revision, subject.mode, log.samples.size(), log.users,
      log.without_reward, log.greedy, log.apprentice, log.other_catalog,
      log.other_readout, InWords(report.logged));
  if (!subject.baseline.empty()) {
    absl::StrAppend(&text, "baseline       ", InWords(report.baseline),
                    "  revision ", subject.baseline, "\n");
  }
  if (report.own.has_value()) {
    absl::StrAppendFormat(&text,
                          "own prompt     %s  %d rewards of apprentice "
                          "decisions, which are other ones\n",
                          InWords(*report.own), log.own.rewards.size());
  }
  absl::StrAppendFormat(
      &text, "\n%-14s %-26s %-26s %9s %10s\n", "estimator", "value (95 %)",
      subject.baseline.empty() ? "gain over the log" : "gain over the baseline",
      "effective", "max weight");
  for (const OpeEstimate& one : report.estimates) {
    absl::StrAppendFormat(&text, "%-14s %-26s %-26s %9.1f %10.2f\n",
                          NameOf(one.estimator), InWords(one.value),
                          InWords(one.gain), one.effective_size,
                          one.largest_weight);
  }
  absl::StrAppendFormat(
      &text,
      "\nsupport: mean weight %.3f [%.3f, %.3f] (1 if all is well); %.4f of "
      "the revision's choices and\nsome in %.1f %% of the states could not be "
      "taken; weight 0 in %.1f %% of the decisions\n",
      report.mean_weight.value, report.mean_weight.low, report.mean_weight.high,
      report.unsupported, 100.0 * report.unsupported_share,
      100.0 * report.zero_weight_share);
  for (const std::string& note : subject.notes) {
    absl::StrAppend(&text, "note: ", note, "\n");
  }
  return text;
}

std::string OpeJson(const OpeSubject& subject, const LoggedSamples& log,
                    const OpeReport& report) {
  Json json = {{"schema", "attune.ope/1"},
               {"revision", subject.revision},
               {"mode", subject.mode},
               {"baseline", subject.baseline.empty() ? Json(nullptr)
                                                     : Json(subject.baseline)},
               {"log", LogJson(log)},
               {"logged_value", ToJson(report.logged)},
               {"own_value", report.own ? ToJson(*report.own) : Json(nullptr)},
               {"baseline_value", ToJson(report.baseline)}};
  for (const OpeEstimate& one : report.estimates) {
    json["estimates"].push_back({{"estimator", NameOf(one.estimator)},
                                 {"value", ToJson(one.value)},
                                 {"gain", ToJson(one.gain)},
                                 {"effective_size", one.effective_size},
                                 {"largest_weight", one.largest_weight}});
  }
  json["support"] = {{"mean_weight", ToJson(report.mean_weight)},
                     {"unsupported", report.unsupported},
                     {"unsupported_share", report.unsupported_share},
                     {"zero_weight_share", report.zero_weight_share}};
  json["notes"] = subject.notes;
  return json.dump(2) + "\n";
}

}  // namespace attune::trainer
