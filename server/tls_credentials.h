// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TLS_CREDENTIALS_H_
#define ATTUNE_SERVER_TLS_CREDENTIALS_H_

// gRPC credentials whose certificate can be exchanged while the server runs:
// each handshake takes the set that is good then, from memory. With an
// authorizer, clients must show a certificate in the handshake, and every call,
// of whatever service, is refused before its handler unless the authorizer lets
// it in.

#include <grpcpp/security/server_credentials.h>

#include <functional>
#include <memory>

#include "server/authorizer.h"
#include "server/certificate_set.h"

namespace attune::server {

// `certificates` must be thread-safe. `authorizer` may be null: clients then
// show no certificate, and every call is let in. Kept until the last connection
// has ended. For any number of listeners.
std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(
    std::function<std::shared_ptr<const CertificateSet>()> certificates,
    std::shared_ptr<Authorizer> authorizer);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TLS_CREDENTIALS_H_
