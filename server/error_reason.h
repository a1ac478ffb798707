// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_ERROR_REASON_H_
#define ATTUNE_SERVER_ERROR_REASON_H_

// Errors with a reason: the UPPER_SNAKE word that a program can act on, which
// grpc_status.h puts into google.rpc.ErrorInfo. Pure functions.

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace attune::server {

// Returns `status` with the reason, for instance "TOKEN_EXPIRED".
absl::Status WithReason(absl::Status status, std::string_view reason);

// The reason given by WithReason; else "INVALID_FIELD" for an error about a
// field (see FieldOf); else the name of the code.
std::string ReasonOf(const absl::Status& status);

// The field path that a message begins with, "history[3].title" of
// "history[3].title: longer than ..."; empty if it begins with something else.
std::string FieldOf(std::string_view message);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_ERROR_REASON_H_
