// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CONNECTION_METRICS_H_
#define ATTUNE_SERVER_CONNECTION_METRICS_H_

// What Prometheus can scrape of the connections (metric_table.h).

#include <prometheus/collectable.h>

#include <memory>
#include <string>
#include <vector>

#include "server/acceptor.h"

namespace attune::server {

struct NamedConnectionStats {
  std::string listener;
  // Must outlive the collectable.
  const ConnectionStats* stats;
};

// Thread-safe.
std::shared_ptr<prometheus::Collectable> MakeConnectionMetrics(
    std::vector<NamedConnectionStats> listeners);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CONNECTION_METRICS_H_
