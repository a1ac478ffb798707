// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REDIS_METRICS_H_
#define ATTUNE_SERVER_REDIS_METRICS_H_

// What Prometheus can scrape of a server that shares Redis with others
// (metric_table.h). Thread-safe.

#include <prometheus/collectable.h>

#include <memory>

#include "server/redis_link.h"

namespace attune::server {

// The stats must outlive it.
std::shared_ptr<prometheus::Collectable> MakeRedisMetrics(
    const RedisStats* stats);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REDIS_METRICS_H_
