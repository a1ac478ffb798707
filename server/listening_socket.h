// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LISTENING_SOCKET_H_
#define ATTUNE_SERVER_LISTENING_SOCKET_H_

// Sockets that listen on an address as gRPC's own listener would: a wildcard
// ("0.0.0.0" and "[::]" alike) means every address of both families, a name
// means each of its addresses, and port 0 takes one free port for all of them.
// Blocks while a name is resolved; safe to call from any thread.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/unique_fd.h"

namespace attune::server {

struct ListeningSockets {
  std::vector<UniqueFd> fds;
  int port = 0;
};

// Non-blocking sockets. What a socket accepts sends without delay and is cut by
// the kernel once a peer has left `unacknowledged` without taking what was sent.
// kInvalidArgument if `address` is not host:port; kUnavailable, with the reason,
// if none of its addresses can be listened on.
absl::StatusOr<ListeningSockets> ListenOn(const std::string& address,
                                          absl::Duration unacknowledged);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LISTENING_SOCKET_H_
