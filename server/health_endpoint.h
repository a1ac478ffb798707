// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_HEALTH_ENDPOINT_H_
#define ATTUNE_SERVER_HEALTH_ENDPOINT_H_

// The port for those who ask whether the server serves, but have no certificate,
// such as a kubelet under mutual TLS: plain HTTP, GET /readyz, which is answered
// with 200 or 503. It tells nothing else. gRPC's health service on both listeners
// says the same.
//
// Listens from Start() to its destruction. Thread-safe.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/http_endpoint.h"

namespace attune::server {

class HealthEndpoint {
 public:
  // `is_ready` is called from threads of the endpoint. The errors of
  // HttpEndpoint::Start, about `health_listen`.
  static absl::StatusOr<std::unique_ptr<HealthEndpoint>> Start(
      const std::string& address, std::function<bool()> is_ready);

  int port() const { return http_->port(); }

 private:
  explicit HealthEndpoint(std::unique_ptr<HttpEndpoint> http)
      : http_(std::move(http)) {}

  const std::unique_ptr<HttpEndpoint> http_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_HEALTH_ENDPOINT_H_
