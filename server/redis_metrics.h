// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REDIS_METRICS_H_
#define ATTUNE_SERVER_REDIS_METRICS_H_

// What Prometheus can scrape of a server that shares Redis with others:
//   attune_redis_up{use}                1 if the last command was answered; of
//                                       what has been used (RedisUse)
//   attune_redis_connects_total
//   attune_redis_errors_total{kind}     kRedisErrorKinds
//   attune_redis_revisions_behind       shared, and not here
//   attune_redis_traffic_behind         changes of the traffic that are not here
//   attune_redis_restored_total{what}   revision, traffic: what Redis had lost
//   attune_redis_outbox_records         decisions and feedback that wait; absent
//                                       until Redis has answered once
//   attune_redis_outbox_age_seconds     of the first of them
//   attune_redis_stream_full            1 if the stream takes no more
//   attune_redis_delivered_total{part}  decision, feedback
//
// Thread-safe.

#include <prometheus/collectable.h>

#include <memory>

#include "server/redis_link.h"

namespace attune::server {

// The stats must outlive it.
std::shared_ptr<prometheus::Collectable> MakeRedisMetrics(
    const RedisStats* stats);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REDIS_METRICS_H_
