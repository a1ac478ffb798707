// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/catalog.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/item.h"
#include "policy/sanitizer.h"
#include "policy/status_macros.h"

namespace attune::policy {
namespace {

constexpr size_t kMaxCatalogBytes = 256 * 1024;
constexpr int kMaxOptions = 64;
constexpr int kMaxSentenceBytes = 2000;
constexpr int kMaxHintItems = 20;

// A value of the file with the path that error messages name.
struct Field {
  YAML::Node node;
  std::string path;

  absl::Status Error(const std::string& what) const {
    const YAML::Mark mark = node.Mark();
    const std::string line =
        mark.is_null() ? "" : absl::StrCat("line ", mark.line + 1, ": ");
    return absl::InvalidArgumentError(
        absl::StrCat("catalog: ", line, path, ": ", what));
  }
  Field At(size_t i) const {
    return {node[i], absl::StrCat(path, "[", i, "]")};
  }
};

// A mapping with exactly the keys in `required` and perhaps those in
// `optional`.
class Mapping {
 public:
  static absl::StatusOr<Mapping> Read(
      const Field& field, std::initializer_list<std::string_view> required,
      std::initializer_list<std::string_view> optional = {}) {
    if (!field.node.IsMap()) return field.Error("must be a mapping");
    absl::flat_hash_set<std::string_view> seen;
    for (const auto& entry : field.node) {
      if (!entry.first.IsScalar()) return field.Error("keys must be words");
      const std::string& key = entry.first.Scalar();
      const Field at{entry.first, field.path};
      if (std::find(required.begin(), required.end(), key) == required.end() &&
          std::find(optional.begin(), optional.end(), key) == optional.end()) {
        return at.Error("unknown key");
      }
      if (!seen.insert(key).second) return at.Error("repeated key");
    }
    for (const std::string_view key : required) {
      if (!seen.contains(key)) {
        return field.Error(absl::StrCat("'", std::string(key), "' is missing"));
      }
    }
    return Mapping(field);
  }

  bool Has(const char* key) const { return field_.node[key].IsDefined(); }
  Field Get(const char* key) const {
    return {field_.node[key], absl::StrCat(field_.path, ".", key)};
  }
  const Field& field() const { return field_; }

 private:
  explicit Mapping(Field field) : field_(std::move(field)) {}
  Field field_;
};

// Instructions are one line without anything that Sanitize would change.
absl::StatusOr<std::string> ReadSentence(const Field& field) {
  if (!field.node.IsScalar()) return field.Error("must be a sentence");
  const std::string& text = field.node.Scalar();
  if (text.size() > kMaxSentenceBytes) {
    return field.Error(absl::StrCat("at most ", kMaxSentenceBytes, " bytes"));
  }
  if (Sanitize(text, kMaxSentenceBytes) != text) {
    return field.Error(
        "must be one line of plain text without chat markers or double spaces");
  }
  return text;
}

absl::StatusOr<std::string> ReadName(const Field& field, bool dashes) {
  const std::string name = field.node.IsScalar() ? field.node.Scalar() : "";
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           (dashes && c == '-');
  };
  if (name.empty() || name.size() > 63 || name[0] == '_' || name[0] == '-' ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return field.Error(absl::StrCat("must be 1 to 63 of a-z, 0-9 and _",
                                    dashes ? " and -" : ""));
  }
  return name;
}

absl::StatusOr<int> ReadInt(const Field& field, int low, int high) {
  int value = 0;
  if (!field.node.IsScalar() ||
      !YAML::convert<int>::decode(field.node, value) || value < low ||
      value > high) {
    return field.Error(
        absl::StrCat("must be a whole number in [", low, ", ", high, "]"));
  }
  return value;
}

absl::StatusOr<bool> ReadBool(const Field& field) {
  bool value = false;
  if (!field.node.IsScalar() ||
      !YAML::convert<bool>::decode(field.node, value)) {
    return field.Error("must be true or false");
  }
  return value;
}

// One of `words`, by index.
absl::StatusOr<int> ReadWord(const Field& field,
                             std::initializer_list<std::string_view> words) {
  const std::string word = field.node.IsScalar() ? field.node.Scalar() : "";
  const auto it = std::find(words.begin(), words.end(), word);
  if (it != words.end()) return static_cast<int>(it - words.begin());
  std::string all;
  for (const std::string_view w : words) {
    all.append(all.empty() ? "" : ", ").append(w);
  }
  return field.Error(absl::StrCat("must be one of ", all));
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
      Mapping::Read(field, {"id", "source"}, {"count", "text"}));
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
  return absl::OkStatus();
}

absl::Status ReadFormatOption(const Field& field, Option& option) {
  ATTUNE_ASSIGN_OR_RETURN(
      const Mapping map,
      Mapping::Read(field, {"id", "text", "generate", "labels", "likelihood"}));
  ATTUNE_ASSIGN_OR_RETURN(option.text, ReadSentence(map.Get("text")));
  ATTUNE_ASSIGN_OR_RETURN(option.generate_contract,
                          ReadSentence(map.Get("generate")));
  ATTUNE_ASSIGN_OR_RETURN(option.labels_contract,
                          ReadSentence(map.Get("labels")));
  ATTUNE_ASSIGN_OR_RETURN(option.likelihood_primer,
                          ReadSentence(map.Get("likelihood")));
  return absl::OkStatus();
}

absl::Status ReadSentenceOption(const Field& field, Option& option) {
  ATTUNE_ASSIGN_OR_RETURN(const Mapping map,
                          Mapping::Read(field, {"id", "text"}));
  ATTUNE_ASSIGN_OR_RETURN(option.text, ReadSentence(map.Get("text")));
  return absl::OkStatus();
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
      Mapping::Read(field, {"history_intro", "candidates_intro", "prior_prefix",
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
    const std::vector<YAML::Node> documents = YAML::LoadAll(catalog->yaml);
    if (documents.size() != 1) {
      return absl::InvalidArgumentError("catalog: must be one YAML document");
    }
    ATTUNE_RETURN_IF_ERROR(ReadCatalog({documents[0], "file"}, *catalog));
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

}  // namespace attune::policy
