// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "policy/catalog_fields.h"
#include "policy/digest.h"
#include "policy/item.h"
#include "policy/plain_yaml.h"
#include "policy/sanitizer.h"
#include "policy/status_macros.h"

namespace attune::policy {
namespace {

constexpr size_t kMaxCatalogBytes = 256 * 1024;
constexpr int kMaxOptions = 64;
constexpr int kMaxHintItems = 20;

absl::StatusOr<std::string> ReadOrigin(const Field& field) {
  ATTUNE_ASSIGN_OR_RETURN(std::string text, ReadSentence(field));
  if (text.empty()) return field.Error("must not be empty");
  return text;
}

// `option.lineage`, if `map` has one.
absl::Status ReadLineage(const Mapping& option_map, Option& option) {
  if (!option_map.Has("lineage")) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(
      const Mapping map,
      Mapping::Read(option_map.Get("lineage"),
                    {"parent", "model", "instruction", "revision", "reward",
                     "parent_reward", "tasks"}));
  Lineage lineage;
  ATTUNE_ASSIGN_OR_RETURN(lineage.parent, ReadName(map.Get("parent"), false));
  ATTUNE_ASSIGN_OR_RETURN(lineage.model, ReadOrigin(map.Get("model")));
  ATTUNE_ASSIGN_OR_RETURN(lineage.instruction,
                          ReadOrigin(map.Get("instruction")));
  ATTUNE_ASSIGN_OR_RETURN(lineage.revision, ReadOrigin(map.Get("revision")));
  ATTUNE_ASSIGN_OR_RETURN(lineage.reward, ReadReward(map.Get("reward")));
  ATTUNE_ASSIGN_OR_RETURN(lineage.parent_reward,
                          ReadReward(map.Get("parent_reward")));
  ATTUNE_ASSIGN_OR_RETURN(lineage.tasks,
                          ReadInt(map.Get("tasks"), 1, 1'000'000'000));
  option.lineage = std::move(lineage);
  return absl::OkStatus();
}

absl::Status ReadHistoryOption(const Field& field, bool cumulative,
                               Option& option) {
  ATTUNE_ASSIGN_OR_RETURN(
      const Mapping map, Mapping::Read(field, {"id", "length"}, {"selection"}));
  ATTUNE_ASSIGN_OR_RETURN(
      option.history_length,
      ReadInt(map.Get("length"), cumulative ? 0 : 1, kMaxHistoryItems));
  if (!map.Has("selection")) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(
      const int selection,
      ReadWord(map.Get("selection"), {"most_recent", "heaviest", "nearest"}));
  option.selection = static_cast<HistorySelection>(selection);
  return absl::OkStatus();
}

absl::Status ReadHintOption(const Field& field, Option& option) {
  ATTUNE_ASSIGN_OR_RETURN(
      const Mapping map,
      Mapping::Read(field, {"id", "source"}, {"count", "text", "lineage"}));
  ATTUNE_ASSIGN_OR_RETURN(
      const int source, ReadWord(map.Get("source"), {"none", "candidates",
                                                     "neighbours", "genres"}));
  option.hint = static_cast<HintSource>(source);
  if (option.hint == HintSource::kNone) return absl::OkStatus();
  if (!map.Has("count") || !map.Has("text")) {
    return field.Error("'count' and 'text' are missing");
  }
  ATTUNE_ASSIGN_OR_RETURN(option.hint_count,
                          ReadInt(map.Get("count"), 1, kMaxHintItems));
  ATTUNE_ASSIGN_OR_RETURN(option.text, ReadSentence(map.Get("text")));
  const char* slot =
      option.hint == HintSource::kGenres ? "{genres}" : "{items}";
  const size_t at = option.text.find(slot);
  if (at == std::string::npos ||
      option.text.find('{', at + 1) != std::string::npos ||
      option.text.find('{') != at) {
    return map.Get("text").Error(
        absl::StrCat("must hold the slot ", slot, " once and no other"));
  }
  return ReadLineage(map, option);
}

absl::Status ReadFormatOption(const Field& field, Option& option) {
  ATTUNE_ASSIGN_OR_RETURN(
      const Mapping map,
      Mapping::Read(field, {"id", "text", "generate", "labels", "likelihood"},
                    {"lineage"}));
  ATTUNE_ASSIGN_OR_RETURN(option.text, ReadSentence(map.Get("text")));
  ATTUNE_ASSIGN_OR_RETURN(option.generate_contract,
                          ReadSentence(map.Get("generate")));
  ATTUNE_ASSIGN_OR_RETURN(option.labels_contract,
                          ReadSentence(map.Get("labels")));
  ATTUNE_ASSIGN_OR_RETURN(option.likelihood_primer,
                          ReadSentence(map.Get("likelihood")));
  return ReadLineage(map, option);
}

absl::Status ReadSentenceOption(const Field& field, Option& option) {
  ATTUNE_ASSIGN_OR_RETURN(const Mapping map,
                          Mapping::Read(field, {"id", "text"}, {"lineage"}));
  ATTUNE_ASSIGN_OR_RETURN(option.text, ReadSentence(map.Get("text")));
  return ReadLineage(map, option);
}

absl::StatusOr<Option> ReadOption(const Field& field, PatternKind kind,
                                  bool cumulative) {
  if (!field.node.IsMap() || !field.node["id"].IsDefined()) {
    return field.Error("must be a mapping with an 'id'");
  }
  Option option;
  ATTUNE_ASSIGN_OR_RETURN(
      option.id, ReadName({field.node["id"], field.path + ".id"}, false));
  absl::Status status;
  switch (kind) {
    case PatternKind::kHistory:
      status = ReadHistoryOption(field, cumulative, option);
      break;
    case PatternKind::kHint:
      status = ReadHintOption(field, option);
      break;
    case PatternKind::kFormat:
      status = ReadFormatOption(field, option);
      break;
    case PatternKind::kSentence:
      status = ReadSentenceOption(field, option);
      break;
  }
  if (!status.ok()) return status;
  return option;
}

absl::StatusOr<Pattern> ReadPattern(const Field& field, bool cumulative) {
  ATTUNE_ASSIGN_OR_RETURN(const Mapping map,
                          Mapping::Read(field, {"name", "default", "options"}));
  Pattern pattern;
  ATTUNE_ASSIGN_OR_RETURN(
      const int name, ReadWord(map.Get("name"), {"history", "hint", "reasoning",
                                                 "role", "format"}));
  pattern.name = map.Get("name").node.Scalar();
  constexpr PatternKind kKinds[] = {
      PatternKind::kHistory, PatternKind::kHint, PatternKind::kSentence,
      PatternKind::kSentence, PatternKind::kFormat};
  pattern.kind = kKinds[name];
  const Field options = map.Get("options");
  if (!options.node.IsSequence() || options.node.size() < 1 ||
      options.node.size() > kMaxOptions) {
    return options.Error(
        absl::StrCat("must list 1 to ", kMaxOptions, " options"));
  }
  pattern.default_option = -1;
  absl::flat_hash_set<std::string> ids;
  for (size_t i = 0; i < options.node.size(); ++i) {
    const Field at = options.At(i);
    ATTUNE_ASSIGN_OR_RETURN(Option option,
                            ReadOption(at, pattern.kind, cumulative));
    if (option.lineage.has_value() && !ids.contains(option.lineage->parent)) {
      return at.Error("'lineage.parent' must be an option before it");
    }
    if (!ids.insert(option.id).second) return at.Error("'id' is repeated");
    if (option.id == map.Get("default").node.as<std::string>("")) {
      pattern.default_option = static_cast<int>(i);
    }
    pattern.options.push_back(std::move(option));
  }
  if (pattern.default_option < 0) {
    return map.Get("default").Error("must be the id of an option");
  }
  return pattern;
}

absl::Status ReadFrame(const Field& field, Catalog& catalog) {
  ATTUNE_ASSIGN_OR_RETURN(
      const Mapping map,
      Mapping::Read(field,
                    {"history_intro", "candidates_intro", "prior_prefix",
                     "likelihood_lists_candidates"},
                    {"layout"}));
  ATTUNE_ASSIGN_OR_RETURN(catalog.history_intro,
                          ReadSentence(map.Get("history_intro")));
  ATTUNE_ASSIGN_OR_RETURN(catalog.candidates_intro,
                          ReadSentence(map.Get("candidates_intro")));
  ATTUNE_ASSIGN_OR_RETURN(catalog.prior_prefix,
                          ReadSentence(map.Get("prior_prefix")));
  ATTUNE_ASSIGN_OR_RETURN(catalog.likelihood_lists_candidates,
                          ReadBool(map.Get("likelihood_lists_candidates")));
  if (!map.Has("layout")) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(
      const int layout,
      ReadWord(map.Get("layout"), {"role_first", "data_first"}));
  catalog.layout = static_cast<Layout>(layout);
  return absl::OkStatus();
}

absl::Status ReadPatterns(const Field& field, Catalog& catalog) {
  if (!field.node.IsSequence() || field.node.size() < 1) {
    return field.Error("must list at least one pattern");
  }
  absl::flat_hash_set<std::string> names;
  for (size_t i = 0; i < field.node.size(); ++i) {
    const Field at = field.At(i);
    ATTUNE_ASSIGN_OR_RETURN(Pattern pattern,
                            ReadPattern(at, catalog.cumulative_history));
    if (!names.insert(pattern.name).second) {
      return at.Error("'name' is repeated");
    }
    catalog.patterns.push_back(std::move(pattern));
  }
  return absl::OkStatus();
}

absl::Status ReadCatalog(const Field& root, Catalog& catalog) {
  ATTUNE_ASSIGN_OR_RETURN(
      const Mapping map,
      Mapping::Read(root, {"name", "domain", "frame", "patterns"},
                    {"cumulative_history"}));
  ATTUNE_ASSIGN_OR_RETURN(catalog.name, ReadName(map.Get("name"), true));
  ATTUNE_ASSIGN_OR_RETURN(
      const int domain,
      ReadWord(map.Get("domain"), {"movies", "games", "music", "generic"}));
  static_cast<void>(domain);
  catalog.domain = map.Get("domain").node.Scalar();
  if (map.Has("cumulative_history")) {
    ATTUNE_ASSIGN_OR_RETURN(
        const Mapping cumulative,
        Mapping::Read(map.Get("cumulative_history"), {"initial_length"}));
    catalog.cumulative_history = true;
    ATTUNE_ASSIGN_OR_RETURN(
        catalog.initial_history_length,
        ReadInt(cumulative.Get("initial_length"), 1, kMaxHistoryItems));
  }
  ATTUNE_RETURN_IF_ERROR(ReadFrame(map.Get("frame"), catalog));
  return ReadPatterns(map.Get("patterns"), catalog);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Catalog>> Catalog::Parse(
    std::string_view yaml) {
  if (yaml.size() > kMaxCatalogBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("catalog: at most ", kMaxCatalogBytes, " bytes"));
  }
  if (!IsValidUtf8(yaml)) {
    return absl::InvalidArgumentError("catalog: must be valid UTF-8");
  }
  auto catalog = std::make_shared<Catalog>();
  catalog->yaml = std::string(yaml);
  catalog->digest = Sha256Hex(yaml);
  try {
    const absl::StatusOr<YAML::Node> root = ParsePlainYaml(catalog->yaml);
    if (!root.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("catalog: ", root.status().message()));
    }
    ATTUNE_RETURN_IF_ERROR(ReadCatalog({*root, "file"}, *catalog));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        "catalog: line ", error.mark.line + 1, ": not valid YAML"));
  }
  return std::shared_ptr<const Catalog>(std::move(catalog));
}

int Catalog::FindPattern(std::string_view name) const {
  const auto it =
      std::find_if(patterns.begin(), patterns.end(),
                   [&](const Pattern& p) { return p.name == name; });
  return it == patterns.end() ? -1 : static_cast<int>(it - patterns.begin());
}

int Catalog::FindOption(int pattern, std::string_view id) const {
  const std::vector<Option>& options = patterns[pattern].options;
  const auto it = std::find_if(options.begin(), options.end(),
                               [&](const Option& o) { return o.id == id; });
  return it == options.end() ? -1 : static_cast<int>(it - options.begin());
}

Choice Catalog::DefaultChoice() const {
  Choice choice;
  choice.patterns.reserve(patterns.size());
  for (const Pattern& pattern : patterns) {
    choice.patterns.push_back(
        {.option = pattern.default_option, .probability = 1.0F});
  }
  return choice;
}

int Catalog::TotalOptions() const {
  int total = 0;
  for (const Pattern& pattern : patterns) {
    total += static_cast<int>(pattern.options.size());
  }
  return total;
}

std::vector<int> Catalog::OptionCounts() const {
  std::vector<int> counts;
  counts.reserve(patterns.size());
  for (const Pattern& pattern : patterns) {
    counts.push_back(static_cast<int>(pattern.options.size()));
  }
  return counts;
}

}  // namespace attune::policy
