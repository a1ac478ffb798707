// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/report.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "policy/status_macros.h"
#include "trainer/report_assets.h"

namespace attune::trainer {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kSchema[] = "attune.evaluation/1";

using Replacements =
    std::vector<std::pair<absl::string_view, absl::string_view>>;

enum class Kind { kText, kNumber, kInterval, kArray, kObject };

// A member that an object must have; dots go down.
struct Field {
  const char* path;
  Kind kind;
};

// The members of every element of an array that may be absent.
struct Section {
  const char* name;
  std::vector<Field> fields;
};

const std::vector<Section>& OptionalSections() {
  static const auto& sections = *new std::vector<Section>{
      {"comparisons",
       {{"method", Kind::kText},
        {"baseline", Kind::kText},
        {"slice", Kind::kText},
        {"difference", Kind::kInterval},
        {"p_holm", Kind::kNumber}}},
      {"shuffle",
       {{"method", Kind::kText},
        {"slice", Kind::kText},
        {"drop", Kind::kInterval}}},
      {"headroom", {{"slice", Kind::kText}, {"cross_fitted", Kind::kInterval}}},
      {"option_effects",
       {{"pattern", Kind::kText},
        {"option", Kind::kText},
        {"mean", Kind::kNumber},
        {"standard_error", Kind::kNumber}}},
      {"ablations", {{"name", Kind::kText}, {"difference", Kind::kInterval}}},
      {"position_curve",
       {{"method", Kind::kText},
        {"position", Kind::kNumber},
        {"ndcg_at_10", Kind::kNumber}}},
      {"choices",
       {{"method", Kind::kText},
        {"pattern", Kind::kText},
        {"group_by", Kind::kText},
        {"group", Kind::kText},
        {"shares", Kind::kArray}}},
      {"learning_curves", {{"method", Kind::kText}, {"points", Kind::kArray}}}};
  return sections;
}

absl::Status Problem(const std::string& where, const char* problem) {
  return absl::InvalidArgumentError(absl::StrCat(where, " ", problem));
}

absl::Status CheckKind(const Json& value, Kind kind, const std::string& where) {
  switch (kind) {
    case Kind::kText:
      return value.is_string() ? absl::OkStatus()
                               : Problem(where, "is not a string");
    case Kind::kNumber:
      return value.is_number() ? absl::OkStatus()
                               : Problem(where, "is not a number");
    case Kind::kArray:
      return value.is_array() ? absl::OkStatus()
                              : Problem(where, "is not an array");
    case Kind::kObject:
      return value.is_object() ? absl::OkStatus()
                               : Problem(where, "is not an object");
    case Kind::kInterval:
      break;
  }
  if (!value.is_object()) return Problem(where, "is not an object");
  for (const char* end : {"mean", "low", "high"}) {
    const std::string name = absl::StrCat(where, ".", end);
    if (!value.contains(end)) return Problem(name, "is missing");
    ATTUNE_RETURN_IF_ERROR(CheckKind(value[end], Kind::kNumber, name));
  }
  return absl::OkStatus();
}

// `prefix` names the object: "a.json: methods[2].".
absl::Status CheckField(const Json& object, const Field& field,
                        const std::string& prefix) {
  const Json* value = &object;
  std::string where = prefix;
  const char* dot = "";
  for (const std::string& key :
       std::vector<std::string>(absl::StrSplit(field.path, '.'))) {
    absl::StrAppend(&where, dot, key);
    dot = ".";
    if (!value->is_object() || !value->contains(key)) {
      return Problem(where, "is missing");
    }
    value = &(*value)[key];
  }
  return CheckKind(*value, field.kind, where);
}

absl::Status CheckElements(const Json& array, absl::Span<const Field> fields,
                           const std::string& where) {
  ATTUNE_RETURN_IF_ERROR(CheckKind(array, Kind::kArray, where));
  for (size_t i = 0; i < array.size(); ++i) {
    const std::string element = absl::StrCat(where, "[", i, "]");
    ATTUNE_RETURN_IF_ERROR(CheckKind(array[i], Kind::kObject, element));
    for (const Field& field : fields) {
      ATTUNE_RETURN_IF_ERROR(CheckField(array[i], field, element + "."));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> ParseEvaluation(const NamedText& file) {
  const std::string prefix = file.name + ": ";
  Json root = Json::parse(file.text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Problem(file.name, "is not a JSON object");
  ATTUNE_RETURN_IF_ERROR(CheckField(root, {"schema", Kind::kText}, prefix));
  if (root["schema"] != kSchema) {
    return Problem(absl::StrCat(prefix, "schema \"",
                                root["schema"].get<std::string>(), "\""),
                   "is not \"attune.evaluation/1\"");
  }
  ATTUNE_RETURN_IF_ERROR(CheckField(root, {"dataset", Kind::kText}, prefix));
  ATTUNE_RETURN_IF_ERROR(CheckField(root, {"methods", Kind::kArray}, prefix));
  if (root["methods"].empty()) return Problem(prefix + "methods", "is empty");
  const std::vector<Field> method = {
      {"name", Kind::kText},
      {"kind", Kind::kText},
      {"slices.all.ndcg_at_10", Kind::kInterval}};
  ATTUNE_RETURN_IF_ERROR(
      CheckElements(root["methods"], method, prefix + "methods"));
  for (const Section& section : OptionalSections()) {
    if (!root.contains(section.name)) continue;
    ATTUNE_RETURN_IF_ERROR(CheckElements(root[section.name], section.fields,
                                         prefix + section.name));
  }
  root["file"] = file.name;
  return root;
}

// What the learning curve needs of the lines of a metrics.jsonl.
absl::StatusOr<Json> ParseTraining(const NamedText& file) {
  Json rounds = Json::array();
  int line_number = 0;
  for (const absl::string_view line : absl::StrSplit(file.text, '\n')) {
    ++line_number;
    if (line.empty()) continue;
    const std::string where = absl::StrCat(file.name, ":", line_number);
    const Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) return Problem(where, "is not a JSON object");
    if (row.value("kind", Json()) != Json("round")) continue;
    Json round;
    for (const char* key : {"rankings", "llm_calls", "reward"}) {
      ATTUNE_RETURN_IF_ERROR(
          CheckField(row, {key, Kind::kNumber}, where + ": "));
      round[key] = row[key];
    }
    for (const auto& [key, value] : row.items()) {
      if (absl::StartsWith(key, "entropy.") && value.is_number()) {
        round["entropy"][key.substr(8)] = value;
      }
    }
    rounds.push_back(std::move(round));
  }
  if (rounds.empty()) return Problem(file.name, "has no round");
  return Json{{"name", file.name}, {"rounds", std::move(rounds)}};
}

// JSON in which no character can end the script element that holds it; replaces
// invalid UTF-8.
std::string ScriptSafe(const Json& json) {
  return absl::StrReplaceAll(
      json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace),
      Replacements{{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}});
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  return absl::StrReplaceAll({text.data(), text.size()},
                             Replacements{{"&", "&amp;"},
                                          {"<", "&lt;"},
                                          {">", "&gt;"},
                                          {"\"", "&quot;"},
                                          {"'", "&#39;"}});
}

absl::Status CheckEvaluation(const NamedText& evaluation) {
  return ParseEvaluation(evaluation).status();
}

absl::StatusOr<std::string> MakeReport(const ReportSources& sources) {
  if (sources.evaluations.empty() && sources.trainings.empty()) {
    return absl::InvalidArgumentError(
        "a report needs an evaluation or a training");
  }
  Json data = {{"evaluations", Json::array()}, {"trainings", Json::array()}};
  for (const NamedText& file : sources.evaluations) {
    ATTUNE_ASSIGN_OR_RETURN(Json evaluation, ParseEvaluation(file));
    data["evaluations"].push_back(std::move(evaluation));
  }
  for (const NamedText& file : sources.trainings) {
    ATTUNE_ASSIGN_OR_RETURN(Json training, ParseTraining(file));
    data["trainings"].push_back(std::move(training));
  }
  const std::string title = EscapeHtml(sources.title);
  const std::string json = ScriptSafe(data);
  const auto view = [](std::string_view text) {
    return absl::string_view(text.data(), text.size());
  };
  // One pass: what is put in is not searched again.
  return absl::StrReplaceAll(
      view(ReportPage()), Replacements{{"{{title}}", title},
                                       {"{{style}}", view(ReportStyle())},
                                       {"{{library}}", view(ReportLibrary())},
                                       {"{{data}}", json},
                                       {"{{script}}", view(ReportScript())}});
}

}  // namespace attune::trainer
