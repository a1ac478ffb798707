// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_METRICS_ENDPOINT_H_
#define ATTUNE_SERVER_METRICS_ENDPOINT_H_

// The HTTP port that Prometheus scrapes: GET /metrics. Listens from Start() to
// its destruction. Thread-safe.

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace attune::server {

class MetricsEndpoint {
 public:
  // `address` is host:port, port 0 for any. kUnavailable if it cannot be
  // listened on.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(
      const std::string& address,
      const std::vector<std::shared_ptr<prometheus::Collectable>>&
          collectables);

  ~MetricsEndpoint();

  int port() const { return exposer_->GetListeningPorts().at(0); }

 private:
  explicit MetricsEndpoint(std::unique_ptr<prometheus::Exposer> exposer);

  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_METRICS_ENDPOINT_H_
