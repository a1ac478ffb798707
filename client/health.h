// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_HEALTH_H_
#define ATTUNE_CLIENT_HEALTH_H_

// Asks a server how it is (grpc.health.v1). Internal to client/. Pure function
// of its arguments and the server; thread-safe.

#include <string>

#include "absl/status/status.h"
#include "client/options.h"

namespace attune::client {

// kOk if `service`, or with "" the server as a whole, is SERVING. Else
// kFailedPrecondition with what the server says, kNotFound if it has no such
// service, kUnavailable if nobody answers. Asks once, since what it is for asks
// again; blocks until the deadline of the options, 2 s by default.
absl::Status CheckHealth(ClientOptions options, const std::string& service);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_HEALTH_H_
