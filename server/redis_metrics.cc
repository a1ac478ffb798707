// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/redis_metrics.h"

#include <utility>
#include <vector>

#include "server/metric_family.h"

namespace attune::server {
namespace {

prometheus::MetricFamily Up(const RedisStats& stats) {
  prometheus::MetricFamily family = MakeFamily("attune_redis_up");
  for (int i = 0; i < kRedisUses; ++i) {
    const int up = stats.up[i];
    if (up < 0) continue;
    AddSeries(&family, up, {{"use", RedisUseName(static_cast<RedisUse>(i))}});
  }
  return family;
}

prometheus::MetricFamily Errors(const RedisStats& stats) {
  prometheus::MetricFamily family = MakeFamily("attune_redis_errors_total");
  for (size_t i = 0; i < kRedisErrorKinds.size(); ++i) {
    AddSeries(&family, static_cast<double>(stats.errors[i]),
              {{"kind", kRedisErrorKinds[i]}});
  }
  return family;
}

prometheus::MetricFamily Gauge(Metric metric, int64_t value) {
  return GaugeFamily(metric, static_cast<double>(value));
}

class RedisMetrics : public prometheus::Collectable {
 public:
  explicit RedisMetrics(const RedisStats* stats) : stats_(*stats) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families = {
        Up(stats_),
        Errors(stats_),
        CounterFamily("attune_redis_connects_total", {{{}, stats_.connects}}),
        Gauge("attune_redis_revisions_behind", stats_.revisions_behind),
        Gauge("attune_redis_traffic_changes_behind", stats_.traffic_behind),
        CounterFamily("attune_redis_restorations_total",
                      {{{{"what", "revision"}}, stats_.restored_revisions},
                       {{{"what", "traffic"}}, stats_.restored_traffic}}),
        Gauge("attune_redis_stream_full", stats_.stream_full ? 1 : 0),
        CounterFamily("attune_redis_delivered_records_total",
                      {{{{"part", "decision"}}, stats_.delivered_decisions},
                       {{{"part", "feedback"}}, stats_.delivered_feedback}})};
    const int64_t waiting = stats_.outbox_records;
    if (waiting >= 0) {
      families.push_back(Gauge("attune_redis_outbox_records", waiting));
      families.push_back(
          Gauge("attune_redis_outbox_age_seconds", stats_.outbox_age_seconds));
    }
    return families;
  }

 private:
  const RedisStats& stats_;
};

}  // namespace

std::shared_ptr<prometheus::Collectable> MakeRedisMetrics(
    const RedisStats* stats) {
  return std::make_shared<RedisMetrics>(stats);
}

}  // namespace attune::server
