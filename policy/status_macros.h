// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_STATUS_MACROS_H_
#define ATTUNE_POLICY_STATUS_MACROS_H_

// Early returns for absl::Status. Abseil 20220623 has none of its own.
//
//   ATTUNE_RETURN_IF_ERROR(Validate(request));
//   ATTUNE_ASSIGN_OR_RETURN(Catalog catalog, Catalog::Parse(yaml));

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define ATTUNE_CONCAT_INNER_(a, b) a##b
#define ATTUNE_CONCAT_(a, b) ATTUNE_CONCAT_INNER_(a, b)

#define ATTUNE_RETURN_IF_ERROR(expr)               \
  do {                                             \
    absl::Status attune_status = (expr);           \
    if (!attune_status.ok()) return attune_status; \
  } while (false)

#define ATTUNE_ASSIGN_OR_RETURN(lhs, expr)                                  \
  ATTUNE_ASSIGN_OR_RETURN_IMPL_(ATTUNE_CONCAT_(attune_statusor_, __LINE__), \
                                lhs, expr)

#define ATTUNE_ASSIGN_OR_RETURN_IMPL_(statusor, lhs, expr) \
  auto statusor = (expr);                                  \
  if (!statusor.ok()) return std::move(statusor).status(); \
  lhs = std::move(statusor).value()

#endif  // ATTUNE_POLICY_STATUS_MACROS_H_
