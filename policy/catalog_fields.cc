// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/catalog_fields.h"

#include "policy/sanitizer.h"

namespace attune::policy {
namespace {

constexpr int kMaxSentenceBytes = 2000;

}  // namespace

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

absl::StatusOr<double> ReadReward(const Field& field) {
  double value = -1.0;
  if (!field.node.IsScalar() ||
      !YAML::convert<double>::decode(field.node, value) || !(value >= 0.0) ||
      !(value <= 1.0)) {
    return field.Error("must be a number in [0, 1]");
  }
  return value;
}

}  // namespace attune::policy
