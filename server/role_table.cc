// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/role_table.h"

#include <algorithm>

namespace attune::server {
namespace {

using enum Role;

// As docs/server.md has it.
const std::vector<RoleTableRow>& Rows() {
  static const auto* const rows = new std::vector<RoleTableRow>{
      {"/attune.v1.PromptService/GetPrompt", {kClient}},
      {"/attune.v1.PromptService/StreamPrompts", {kClient}},
      {"/attune.v1.PromptService/PreviewPrompt", {kClient, kOperator}},
      {"/attune.v1.PromptService/RecordFeedback", {kFeedbackWriter}},

      {"/attune.v1.PolicyService/PushRevision", {kTrainer, kOperator}},
      {"/attune.v1.PolicyService/GetPushOffset", {kTrainer, kOperator}},
      {"/attune.v1.PolicyService/ListRevisions",
       {kTrainer, kOperator, kMetrics}},
      {"/attune.v1.PolicyService/GetRevision", {kTrainer, kOperator, kMetrics}},
      {"/attune.v1.PolicyService/WatchRevisions",
       {kTrainer, kOperator, kMetrics}},
      {"/attune.v1.PolicyService/SetTraffic", {kOperator}},
      {"/attune.v1.PolicyService/Rollback", {kOperator}},
      {"/attune.v1.PolicyService/DeleteRevision", {kOperator}},

      {"/attune.v1.LogService/ListDecisions", {kTrainer, kOperator}},
      {"/attune.v1.LogService/ForgetUser", {kOperator}},

      // Probes have no role, and learn nothing but whether we serve.
      {"/grpc.health.v1.Health/Check", {}, true},
      {"/grpc.health.v1.Health/Watch", {}, true},
      {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
       {kOperator}},
  };
  return *rows;
}

}  // namespace

const std::vector<RoleTableRow>& RoleTable() { return Rows(); }

const RoleTableRow* FindRole(std::string_view path) {
  const auto& rows = Rows();
  const auto found = std::find_if(
      rows.begin(), rows.end(),
      [path](const RoleTableRow& row) { return row.path == path; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace attune::server
