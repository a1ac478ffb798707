// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_BENCH_FLOOR_LISTENER_H_
#define ATTUNE_BENCH_FLOOR_LISTENER_H_

// The server's own listener in front of a handler that does nothing: what the
// server is measured beside. Not thread-safe.

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/statusor.h"
#include "attune/v1/prompt_service.grpc.pb.h"
#include "server/listener.h"

namespace attune::bench {

// On any port of loopback. Both must outlive the listener.
inline absl::StatusOr<std::unique_ptr<server::Listener>> StartFloor(
    grpc::Service* service, server::ConnectionStats* connections) {
  return server::Listener::Start(
      {.address = "127.0.0.1:0",
       .setting = "floor",
       .services = {{service, v1::PromptService::service_full_name()}},
       .max_receive_bytes = 4 << 20,
       .limits = {.max_connections = 4096, .max_streams = 256},
       .stats = connections,
       .transport = {.credentials = grpc::InsecureServerCredentials()}});
}

}  // namespace attune::bench

#endif  // ATTUNE_BENCH_FLOOR_LISTENER_H_
