// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_ROLE_TABLE_H_
#define ATTUNE_SERVER_ROLE_TABLE_H_

// Which roles may call which method: the one table. What is not in it, nobody
// may call; a test walks it against the descriptors of all services. Constant.

#include <string_view>
#include <vector>

#include "server/roles.h"

namespace attune::server {

struct RoleTableRow {
  // As in HTTP/2's :path, "/attune.v1.PromptService/GetPrompt".
  std::string_view path;
  // Any one of them suffices.
  RoleSet roles;
  // For whoever could connect; then `roles` is empty.
  bool without_role = false;
};

const std::vector<RoleTableRow>& RoleTable();

// Null if nobody may call it.
const RoleTableRow* FindRole(std::string_view path);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_ROLE_TABLE_H_
