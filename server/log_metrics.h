// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LOG_METRICS_H_
#define ATTUNE_SERVER_LOG_METRICS_H_

// What Prometheus can scrape of the decision log (metric_table.h). Thread-safe.

#include <prometheus/collectable.h>

#include <memory>

#include "server/decision_log.h"

namespace attune::server {

// The log must outlive it. An Exposer does not keep it: the caller must.
std::shared_ptr<prometheus::Collectable> MakeLogMetrics(const DecisionLog* log);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOG_METRICS_H_
