// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PEER_IDENTITY_H_
#define ATTUNE_SERVER_PEER_IDENTITY_H_

// Who a caller is. Pure; safe to call from any thread.

#include <grpcpp/security/auth_context.h>

#include <string>
#include <string_view>

namespace attune::server {

// The first name in the certificate of an authenticated peer (its subject
// alternative names; a URI or a DNS name). Of any other peer the IP address
// without the port: "192.0.2.1", "2001:db8::1". `peer` as gRPC writes it:
// "ipv4:192.0.2.1:50000", "ipv6:%5B2001:db8::1%5D:50000".
std::string PeerIdentity(const grpc::AuthContext& context,
                         std::string_view peer);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PEER_IDENTITY_H_
