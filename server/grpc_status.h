// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_GRPC_STATUS_H_
#define ATTUNE_SERVER_GRPC_STATUS_H_

// The one way out: turns an absl::Status into what goes over the wire. Pure
// functions; safe to call from any thread.

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"

namespace attune::server {

// Same code and message. The details are a google.rpc.Status with an ErrorInfo
// (reason of error_reason.h, domain "attune") and, for kInvalidArgument about a
// field, a BadRequest with that field.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The bytes of the google.rpc.Status: code, message and those details.
std::string DetailsOf(const absl::Status& status);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_GRPC_STATUS_H_
