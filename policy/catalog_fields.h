// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_CATALOG_FIELDS_H_
#define ATTUNE_POLICY_CATALOG_FIELDS_H_

// Values of a catalog's YAML file. Every error is kInvalidArgument and names the
// line and the path of the field. Part of catalog.cc; not for other files.
//
// Thread-compatible.

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace attune::policy {

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
absl::StatusOr<std::string> ReadSentence(const Field& field);
// 1 to 63 of a-z, 0-9, _ and perhaps -.
absl::StatusOr<std::string> ReadName(const Field& field, bool dashes);
absl::StatusOr<int> ReadInt(const Field& field, int low, int high);
absl::StatusOr<bool> ReadBool(const Field& field);
// A number in [0, 1].
absl::StatusOr<double> ReadReward(const Field& field);
// One of `words`, by index.
absl::StatusOr<int> ReadWord(const Field& field,
                             std::initializer_list<std::string_view> words);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_CATALOG_FIELDS_H_
