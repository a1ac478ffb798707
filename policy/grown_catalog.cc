// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/grown_catalog.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace attune::policy {
namespace {

// Ids have at most 63 characters.
constexpr size_t kMaxParentLength = 58;

bool HasId(const YAML::Node& options, const std::string& id) {
  return std::any_of(
      options.begin(), options.end(),
      [&](const YAML::Node& option) { return option["id"].Scalar() == id; });
}

std::string FreeId(const YAML::Node& options, const std::string& parent) {
  const std::string stem = parent.substr(0, kMaxParentLength);
  int n = 1;
  while (HasId(options, absl::StrCat(stem, "_r", n))) ++n;
  return absl::StrCat(stem, "_r", n);
}

YAML::Node ToNode(const Lineage& lineage, const std::string& parent) {
  YAML::Node node;
  node["parent"] = parent;
  node["model"] = lineage.model;
  node["instruction"] = lineage.instruction;
  node["revision"] = lineage.revision;
  node["reward"] = absl::StrFormat("%.4f", lineage.reward);
  node["parent_reward"] = absl::StrFormat("%.4f", lineage.parent_reward);
  node["tasks"] = lineage.tasks;
  return node;
}

void Append(const AddedOption& added, YAML::Node options) {
  const std::string parent = options[added.parent]["id"].Scalar();
  YAML::Node option = YAML::Clone(options[added.parent]);
  option["id"] = FreeId(options, parent);
  option["text"] = added.text;
  option["lineage"] = ToNode(added.lineage, parent);
  options.push_back(option);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Catalog>> GrowCatalog(
    const Catalog& catalog, absl::Span<const AddedOption> options) {
  const YAML::Node root = YAML::Load(catalog.yaml);
  for (const AddedOption& added : options) {
    Append(added, root["patterns"][added.pattern]["options"]);
  }
  YAML::Emitter emitter;
  emitter << root;
  return Catalog::Parse(
      absl::StrCat("# SPDX-License-Identifier: Apache-2.0\n# Grown from ",
                   catalog.digest, "\n", emitter.c_str(), "\n"));
}

std::vector<std::vector<int>> ParentsOfAdded(const Catalog& catalog,
                                             absl::Span<const int> counts) {
  std::vector<std::vector<int>> parents(catalog.patterns.size());
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    const std::vector<Option>& options = catalog.patterns[k].options;
    for (size_t a = counts[k]; a < options.size(); ++a) {
      parents[k].push_back(
          catalog.FindOption(static_cast<int>(k), options[a].lineage->parent));
    }
  }
  return parents;
}

}  // namespace attune::policy
