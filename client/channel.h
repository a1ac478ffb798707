// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_CHANNEL_H_
#define ATTUNE_CLIENT_CHANNEL_H_

// Makes the connection that a client's copies share. Internal to client/.

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/options.h"

namespace attune::client {

// The options with every default filled in. kInvalidArgument if one is out of
// its range.
absl::StatusOr<ClientOptions> Complete(ClientOptions options,
                                       const char* default_target,
                                       absl::Duration default_deadline);

// kInvalidArgument if only a part of what TLS needs is given, kNotFound if one
// of its files cannot be read. Does not connect. gRPC's own retries are
// off: ours are the only ones.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(
    const ClientOptions& options);

// Sets the absolute deadline of a call.
void SetDeadline(absl::Time deadline, grpc::ClientContext& context);

// Makes a unary call with the options' deadline and retries. `call` gets a
// fresh context for each attempt.
absl::Status CallUnary(
    const ClientOptions& options, const RetryOptions& retry,
    const std::function<grpc::Status(grpc::ClientContext&)>& call);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_CHANNEL_H_
