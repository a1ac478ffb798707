// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TRAFFIC_METRICS_H_
#define ATTUNE_SERVER_TRAFFIC_METRICS_H_

// What Prometheus can scrape of the traffic, the trial under way and the shadow
// (metric_table.h).

#include <prometheus/collectable.h>

#include <memory>

#include "server/guardrail_monitor.h"
#include "server/revision_registry.h"
#include "server/shadow.h"

namespace attune::server {

// Borrows what it is given, which must outlive it; `monitor` and `shadow` may be
// null. Thread-safe.
std::shared_ptr<prometheus::Collectable> MakeTrafficMetrics(
    const RevisionRegistry* registry, const GuardrailMonitor* monitor,
    const ShadowRunner* shadow);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TRAFFIC_METRICS_H_
