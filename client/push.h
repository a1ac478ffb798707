// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_PUSH_H_
#define ATTUNE_CLIENT_PUSH_H_

// The resumable upload behind PolicyClient::PushRevision. Internal to client/.

#include <string_view>

#include "absl/status/statusor.h"
#include "attune/v1/policy_service.grpc.pb.h"
#include "client/policy_client.h"

namespace attune::client {

// Asks for the offset, streams from there, and does so again while streams
// break in a way that resuming may mend. kInvalidArgument if the artifact is
// empty, the signature is of another one, or a chunk size is outside [1, 1 MiB].
absl::StatusOr<v1::PushRevisionResponse> Push(
    v1::PolicyService::StubInterface& stub, const ClientOptions& client,
    std::string_view artifact, const PushOptions& options);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_PUSH_H_
