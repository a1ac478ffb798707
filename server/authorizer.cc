// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/authorizer.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/metric_family.h"
#include "server/role_table.h"

namespace attune::server {
namespace {

// "SetTraffic" of "/attune.v1.PolicyService/SetTraffic".
std::string MethodOf(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

RoleSet RolesOf(const Roles& roles, const PeerNames& peer) {
  RoleSet has;
  for (const std::string_view name : peer.names) {
    const auto found = roles.find(name);
    if (found != roles.end()) has.Add(found->second);
  }
  return has;
}

absl::Status Denied(const RoleTableRow& row, RoleSet has) {
  return absl::PermissionDeniedError(
      absl::StrCat("ROLE_MISSING: ", MethodOf(row.path), " needs a role of ",
                   row.roles.ToString(), "; this certificate has ",
                   has.empty() ? "none" : has.ToString()));
}

}  // namespace

Authorizer::Authorizer(std::function<std::shared_ptr<const Roles>()> roles)
    : roles_(std::move(roles)), refusals_(RoleTable().size() + 1) {}

absl::Status Authorizer::Authorize(std::string_view path,
                                   const PeerNames& peer) {
  const RoleTableRow* row = FindRole(path);
  Refusals& refusals =
      row == nullptr ? refusals_.back() : refusals_[row - RoleTable().data()];
  if (!peer.certified) {
    ++refusals.unauthenticated;
    return absl::UnauthenticatedError(
        "CERTIFICATE_MISSING: this server asks for a client's certificate");
  }
  if (row == nullptr) {
    ++refusals.denied;
    return absl::PermissionDeniedError(
        "METHOD_NOT_IN_ROLE_TABLE: no role may call this method");
  }
  if (row->without_role) return absl::OkStatus();
  const RoleSet has = RolesOf(*roles_(), peer);
  if (has.Meets(row->roles)) return absl::OkStatus();
  ++refusals.denied;
  return Denied(*row, has);
}

std::vector<prometheus::MetricFamily> Authorizer::Collect() const {
  std::vector<std::pair<Labels, int64_t>> counts;
  for (size_t i = 0; i < refusals_.size(); ++i) {
    const std::string method =
        i < RoleTable().size() ? MethodOf(RoleTable()[i].path) : "other";
    const std::pair<const char*, int64_t> by_code[] = {
        {"UNAUTHENTICATED", refusals_[i].unauthenticated},
        {"PERMISSION_DENIED", refusals_[i].denied}};
    for (const auto& [code, count] : by_code) {
      if (count > 0) {
        counts.push_back({{{"code", code}, {"method", method}}, count});
      }
    }
  }
  return {CounterFamily("attune_refused_calls_total", counts)};
}

}  // namespace attune::server
