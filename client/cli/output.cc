// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/cli/output.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace attune::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMebibyte = 1024.0 * 1024.0;

std::string Print(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string PushTime(const v1::Revision& revision) {
  return TimeText(absl::FromUnixSeconds(revision.push_time().seconds()));
}

const char* StateName(v1::RevisionState state) {
  return state == v1::REVISION_STATE_ACTIVE   ? "ACTIVE"
         : state == v1::REVISION_STATE_CANARY ? "CANARY"
         : state == v1::REVISION_STATE_SHADOW ? "SHADOW"
         : state == v1::REVISION_STATE_READY  ? "READY"
                                              : "UNSPECIFIED";
}

const char* ReadoutName(policy::Readout readout) {
  return readout == policy::Readout::kLabels       ? "labels"
         : readout == policy::Readout::kLikelihood ? "likelihood"
                                                   : "generate";
}

Json ToJson(const AnswerContract& answer) {
  return {{"readout", ReadoutName(answer.readout)},
          {"labels", answer.labels},
          {"displayed_item_ids", answer.displayed_item_ids},
          {"displayed_titles", answer.displayed_titles},
          {"prior_prefix", answer.prior_prefix}};
}

// Without the signature itself: these are what it says.
Json ToJson(const v1::RevisionSignature& signature) {
  return {{"policy", signature.policy()},
          {"number", signature.number()},
          {"digest", signature.digest()},
          {"key_id", signature.key_id()}};
}

Json ToJson(const v1::Revision& revision) {
  const v1::RevisionManifest& manifest = revision.manifest();
  const v1::TrainingFacts& training = manifest.training();
  Json json = {{"revision_id", revision.revision_id()},
               {"state", StateName(revision.state())},
               {"policy", manifest.policy()},
               {"digest", revision.digest()},
               {"byte_size", revision.byte_size()},
               {"push_time", PushTime(revision)},
               {"parent_revision", manifest.parent_revision()},
               {"catalog_digest", manifest.catalog_digest()},
               {"training",
                {{"learner", training.learner()},
                 {"llm", training.llm()},
                 {"dataset", training.dataset()},
                 {"llm_calls", training.llm_calls()}}}};
  if (revision.has_signature()) {
    json["signature"] = ToJson(revision.signature());
  }
  return json;
}

Json ToJson(const v1::Traffic& traffic) {
  Json json = {{"active", traffic.active()}};
  if (traffic.has_canary()) {
    json["canary"] = {{"revision", traffic.canary().revision()},
                      {"share", traffic.canary().share()}};
  }
  if (!traffic.shadow().empty()) json["shadow"] = traffic.shadow();
  return json;
}

}  // namespace

std::string PromptText(const Prompt& prompt) {
  std::string text = absl::StrCat("revision  ", prompt.revision, "\n");
  if (!prompt.decision_id.empty()) {
    absl::StrAppend(&text, "decision  ", prompt.decision_id, "\n");
  }
  absl::StrAppend(&text, "readout   ", ReadoutName(prompt.answer.readout),
                  "\nhistory   ", prompt.history_length, " shown\n\n");
  absl::StrAppendFormat(&text, "%-10s %-28s %s\n", "PATTERN", "OPTION",
                        "PROBABILITY");
  for (const ChosenOption& chosen : prompt.choice) {
    absl::StrAppendFormat(&text, "%-10s %-28s %.4f\n", chosen.pattern,
                          chosen.option_id, chosen.probability);
  }
  for (const PromptMessage& message : prompt.messages) {
    absl::StrAppend(&text, "\n--- ", message.role, "\n", message.text,
                    absl::EndsWith(message.text, "\n") ? "" : "\n");
  }
  return text;
}

std::string PromptJson(const Prompt& prompt) {
  Json messages = Json::array();
  for (const PromptMessage& message : prompt.messages) {
    messages.push_back({{"role", message.role}, {"content", message.text}});
  }
  Json choice = Json::array();
  for (const ChosenOption& chosen : prompt.choice) {
    choice.push_back({{"pattern", chosen.pattern},
                      {"option_id", chosen.option_id},
                      {"probability", chosen.probability}});
  }
  Json json = {{"revision", prompt.revision},
               {"decision_id", prompt.decision_id},
               {"decision_token", absl::Base64Escape(prompt.decision_token)},
               {"messages", std::move(messages)},
               {"choice", std::move(choice)},
               {"history_length", prompt.history_length},
               {"answer", ToJson(prompt.answer)}};
  if (prompt.expire_time.has_value()) {
    json["expire_time"] = TimeText(*prompt.expire_time);
  }
  return Print(json);
}

std::string RevisionsText(const std::vector<v1::Revision>& revisions) {
  if (revisions.empty()) return "no revision has been pushed\n";
  std::string text =
      absl::StrFormat("%-16s  %-6s  %-16s  %10s  %s\n", "REVISION", "STATE",
                      "POLICY", "BYTES", "PUSHED");
  for (const v1::Revision& revision : revisions) {
    absl::StrAppendFormat(&text, "%-16s  %-6s  %-16s  %10d  %s\n",
                          revision.revision_id(), StateName(revision.state()),
                          revision.manifest().policy(), revision.byte_size(),
                          PushTime(revision));
  }
  return text;
}

std::string RevisionsJson(const std::vector<v1::Revision>& revisions) {
  Json json = Json::array();
  for (const v1::Revision& revision : revisions) {
    json.push_back(ToJson(revision));
  }
  return Print(json);
}

std::string RevisionText(const v1::Revision& revision) {
  const v1::RevisionManifest& manifest = revision.manifest();
  const v1::TrainingFacts& training = manifest.training();
  std::string text = absl::StrCat(
      "revision  ", revision.revision_id(), "\nstate     ",
      StateName(revision.state()), "\npolicy    ", manifest.policy(),
      "\ndigest    ", revision.digest(), "\nbytes     ", revision.byte_size(),
      "\npushed    ", PushTime(revision), "\nparent    ",
      manifest.parent_revision().empty() ? "-" : manifest.parent_revision(),
      "\nlearner   ", training.learner(), "\nllm       ", training.llm(),
      "\ndata set  ", training.dataset(), "\nLLM calls ", training.llm_calls(),
      "\n");
  if (revision.has_signature()) {
    absl::StrAppend(&text, "number    ", revision.signature().number(),
                    ", signed by ", revision.signature().key_id(), "\n");
  }
  return text;
}

std::string RevisionJson(const v1::Revision& revision) {
  return Print(ToJson(revision));
}

std::string PushText(const v1::PushRevisionResponse& response) {
  const v1::Revision& revision = response.revision();
  return absl::StrCat(revision.revision_id(), " ", StateName(revision.state()),
                      response.already_stored() ? " (stored before)" : "",
                      "\n");
}

std::string PushJson(const v1::PushRevisionResponse& response) {
  return Print({{"revision", ToJson(response.revision())},
                {"already_stored", response.already_stored()}});
}

std::string KeygenText(const KeyFiles& files) {
  return absl::StrCat("key      ", files.key_id, "\nprivate  ",
                      files.private_path, "  keep it secret\npublic   ",
                      files.public_path, "\n");
}

std::string KeygenJson(const KeyFiles& files) {
  return Print({{"key_id", files.key_id},
                {"private_key_file", files.private_path},
                {"public_key_file", files.public_path}});
}

std::string SignText(const std::string& path,
                     const v1::RevisionSignature& signature) {
  return absl::StrCat("signature  ", path, "\npolicy     ", signature.policy(),
                      "\nnumber     ", signature.number(), "\ndigest     ",
                      signature.digest(), "\nkey        ", signature.key_id(),
                      "\n");
}

std::string SignJson(const std::string& path,
                     const v1::RevisionSignature& signature) {
  Json json = ToJson(signature);
  json["signature_file"] = path;
  return Print(json);
}

std::string FeedbackText(const v1::RecordFeedbackResponse& response) {
  return absl::StrFormat("decision %s  reward %.4f%s\n", response.decision_id(),
                         response.reward(),
                         response.duplicate() ? "  (recorded before)" : "");
}

std::string FeedbackJson(const v1::RecordFeedbackResponse& response) {
  return Print({{"decision_id", response.decision_id()},
                {"reward", response.reward()},
                {"duplicate", response.duplicate()}});
}

std::string ExportText(const ReadSummary& summary) {
  return absl::StrCat(summary.decisions, " decisions, ", summary.with_feedback,
                      " with feedback, ", summary.apprentice,
                      " in apprentice mode\n");
}

std::string ExportJson(const ReadSummary& summary) {
  return Print({{"decisions", summary.decisions},
                {"with_feedback", summary.with_feedback},
                {"apprentice", summary.apprentice},
                {"damaged", summary.damaged}});
}

std::string ForgetText(const v1::ForgetUserResponse& erased) {
  return absl::StrCat("erased ", erased.erased_decisions(), " decisions, ",
                      erased.erased_feedback(), " feedback\n");
}

std::string ForgetJson(const v1::ForgetUserResponse& erased) {
  return Print({{"erased_decisions", erased.erased_decisions()},
                {"erased_feedback", erased.erased_feedback()}});
}

std::string HealthText() { return "SERVING\n"; }

std::string HealthJson() { return Print({{"status", "SERVING"}}); }

std::string TrafficText(const v1::Traffic& traffic) {
  std::string text = absl::StrCat("active ", traffic.active(), "\n");
  if (traffic.has_canary()) {
    absl::StrAppendFormat(&text, "canary %s %.4g %% of users\n",
                          traffic.canary().revision(),
                          100.0 * traffic.canary().share());
  }
  if (!traffic.shadow().empty()) {
    absl::StrAppend(&text, "shadow ", traffic.shadow(), "\n");
  }
  return text;
}

std::string TrafficJson(const v1::Traffic& traffic) {
  return Print(ToJson(traffic));
}

std::string UpdateText(const v1::WatchRevisionsResponse& update) {
  const v1::TrafficChange& change = update.change();
  std::string text;
  if (update.missed_changes() > 0) {
    absl::StrAppend(&text, update.missed_changes(), " changes left out\n");
  }
  if (update.has_change()) {
    absl::StrAppend(
        &text, TimeText(absl::FromUnixSeconds(change.change_time().seconds())),
        " ", change.action(), " by ", change.who(),
        change.reason().empty() ? "" : ": ", change.reason(), "\n");
  }
  return absl::StrCat(text, TrafficText(update.traffic()), "\n");
}

std::string UpdateJson(const v1::WatchRevisionsResponse& update) {
  Json json = {{"sequence", update.sequence()},
               {"traffic", ToJson(update.traffic())}};
  if (update.has_change()) {
    const v1::TrafficChange& change = update.change();
    json["change"] = {
        {"action", change.action()},
        {"who", change.who()},
        {"reason", change.reason()},
        {"change_time",
         TimeText(absl::FromUnixSeconds(change.change_time().seconds()))}};
  }
  if (update.missed_changes() > 0) {
    json["missed_changes"] = update.missed_changes();
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string ProgressText(const PushProgress& progress) {
  const double share = static_cast<double>(progress.sent_bytes) /
                       static_cast<double>(progress.total_bytes);
  return absl::StrFormat("\rpushing %3.0f %% (%.1f of %.1f MiB)", 100.0 * share,
                         static_cast<double>(progress.sent_bytes) / kMebibyte,
                         static_cast<double>(progress.total_bytes) / kMebibyte);
}

}  // namespace attune::client
