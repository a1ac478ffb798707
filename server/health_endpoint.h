// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_HEALTH_ENDPOINT_H_
#define ATTUNE_SERVER_HEALTH_ENDPOINT_H_

// The port for those who ask whether the server serves, but have no certificate,
// such as a kubelet under mutual TLS: plain HTTP, GET /readyz, which is answered
// with 200 or 503. It tells nothing else. gRPC's health service on both listeners
// says the same.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/http_endpoint.h"

namespace attune::server {

// `is_ready` is called from threads of the endpoint. The errors of
// HttpEndpoint::Start, about `health_listen`.
absl::StatusOr<std::unique_ptr<HttpEndpoint>> StartHealthEndpoint(
    const std::string& address, std::function<bool()> is_ready);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_HEALTH_ENDPOINT_H_
