// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/metrics_endpoint.h"

#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/http_stop.h"

namespace attune::server {

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(
    const std::string& address,
    const std::vector<std::shared_ptr<prometheus::Collectable>>& collectables) {
  try {
    // Short timeouts: its two threads must not be taken by slow readers.
    auto exposer = std::make_unique<prometheus::Exposer>(
        std::vector<std::string>{"listening_ports", address, "num_threads", "2",
                                 "request_timeout_ms", "2000"});
    for (const auto& collectable : collectables) {
      exposer->RegisterCollectable(collectable);
    }
    return std::unique_ptr<MetricsEndpoint>(
        new MetricsEndpoint(std::move(exposer)));
  } catch (const std::exception&) {
    return absl::UnavailableError(
        absl::StrCat("metrics_listen: cannot listen on ", address));
  }
}

MetricsEndpoint::MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer)
    : exposer_(std::move(exposer)) {}

MetricsEndpoint::~MetricsEndpoint() {
  StopHttp(port(), [this] { exposer_.reset(); });
}

}  // namespace attune::server
