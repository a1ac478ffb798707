// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/roles.h"

#include <yaml-cpp/yaml.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::server {
namespace {

constexpr const char* kRoleNames[kRoles] = {"client", "feedback_writer",
                                            "trainer", "operator", "metrics"};
constexpr char kForm[] = "must be a mapping of names to lists of roles";

absl::Status Error(const YAML::Mark& mark, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", mark.line + 1, ": ", what));
}

absl::StatusOr<RoleSet> ParseRole(const YAML::Node& node) {
  for (int i = 0; node.IsScalar() && i < kRoles; ++i) {
    if (node.Scalar() == kRoleNames[i]) return RoleSet{static_cast<Role>(i)};
  }
  return Error(node.Mark(),
               "a role must be one of client, feedback_writer, trainer, "
               "operator, metrics");
}

absl::StatusOr<RoleSet> ParseRoleList(const YAML::Node& name,
                                      const YAML::Node& list) {
  if (!list.IsSequence() || list.size() == 0) {
    return Error(name.Mark(),
                 "a name must have a list of roles: [client, trainer]");
  }
  RoleSet roles;
  for (const YAML::Node& node : list) {
    ATTUNE_ASSIGN_OR_RETURN(const RoleSet role, ParseRole(node));
    roles.Add(role);
  }
  return roles;
}

absl::StatusOr<Roles> ParseTree(const YAML::Node& root) {
  if (root.IsNull()) return absl::InvalidArgumentError("names nobody");
  if (!root.IsMap()) return Error(root.Mark(), kForm);
  Roles roles;
  for (const auto& entry : root) {
    if (!entry.first.IsScalar() || entry.first.Scalar().empty()) {
      return Error(entry.first.Mark(), kForm);
    }
    ATTUNE_ASSIGN_OR_RETURN(const RoleSet set,
                            ParseRoleList(entry.first, entry.second));
    if (!roles.emplace(entry.first.Scalar(), set).second) {
      return Error(entry.first.Mark(), "this name is there twice");
    }
  }
  if (roles.empty()) return absl::InvalidArgumentError("names nobody");
  return roles;
}

}  // namespace

const char* RoleName(Role role) { return kRoleNames[static_cast<int>(role)]; }

std::string RoleSet::ToString() const {
  std::string text;
  for (int i = 0; i < kRoles; ++i) {
    if (!Has(static_cast<Role>(i))) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", kRoleNames[i]);
  }
  return text;
}

absl::StatusOr<Roles> ParseRoles(const std::string& text) {
  try {
    return ParseTree(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return Error(error.mark, "neither YAML nor JSON");
  }
}

}  // namespace attune::server
