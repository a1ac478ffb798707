// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_RPC_STATUS_H_
#define ATTUNE_CLIENT_RPC_STATUS_H_

// The one way in for gRPC's status.

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"

namespace attune::client {

// The status with the same code. Its message is the server's, followed by what
// the details add: each BadRequest violation as "field: description" and
// ErrorInfo's reason in brackets. Details that cannot be parsed are left out.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_RPC_STATUS_H_
