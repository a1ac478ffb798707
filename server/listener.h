// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LISTENER_H_
#define ATTUNE_SERVER_LISTENER_H_

// One gRPC listener with services of ours, health and reflection, hardened: an
// accept loop of our own, no compression, limits on connections, message size,
// streams, metadata, handshake, idle time and pings; secured as its Transport
// says. Thread-safe.

#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/acceptor.h"
#include "server/connection_limits.h"
#include "server/transport_security.h"

namespace attune::server {

class Listener {
 public:
  struct Named {
    // Must outlive the listener.
    grpc::Service* service;
    // Full name, for the health service.
    std::string name;
  };
  struct Options {
    // host:port; port 0 for any.
    std::string address;
    // Its setting's name, for errors.
    std::string setting;
    std::vector<Named> services;
    int max_receive_bytes;
    ConnectionLimits limits;
    // Must outlive the listener.
    ConnectionStats* stats;
    Transport transport;
  };

  // kInvalidArgument if the address is none; kUnavailable if it cannot be
  // listened on.
  static absl::StatusOr<std::unique_ptr<Listener>> Start(Options options);

  int port() const { return port_; }
  // What the health service says of `name`. No effect after StopServing().
  void SetServing(const std::string& name, bool serving);
  // Answers NOT_SERVING from now on.
  void StopServing();
  // Refuses calls, waits for those under way, cancels them at `deadline`.
  void Shutdown(absl::Time deadline);

 private:
  Listener() = default;
  Acceptor::Options AcceptorOptions(const Options& options);

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  // gRPC's side of the hand-over; used by acceptor_'s thread.
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> external_;
  // Ends first: gRPC leaks what it gets when its server is not running.
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LISTENER_H_
