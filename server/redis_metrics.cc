// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/redis_metrics.h"

#include <utility>
#include <vector>

#include "server/metric_family.h"

namespace attune::server {
namespace {

using Counts = std::vector<std::pair<Labels, int64_t>>;

prometheus::MetricFamily Up(const RedisStats& stats) {
  prometheus::MetricFamily family{"attune_redis_up",
                                  "1 if the last command was answered",
                                  prometheus::MetricType::Gauge,
                                  {}};
  for (int i = 0; i < kRedisUses; ++i) {
    if (stats.up[i] < 0) continue;
    prometheus::ClientMetric metric;
    metric.label = {{"use", RedisUseName(static_cast<RedisUse>(i))}};
    metric.gauge.value = stats.up[i];
    family.metric.push_back(std::move(metric));
  }
  return family;
}

prometheus::MetricFamily Errors(const RedisStats& stats) {
  Counts counts;
  for (size_t i = 0; i < kRedisErrorKinds.size(); ++i) {
    counts.push_back({{{"kind", kRedisErrorKinds[i]}}, stats.errors[i]});
  }
  return CounterFamily("attune_redis_errors_total", "Errors by kind", counts);
}

class RedisMetrics : public prometheus::Collectable {
 public:
  explicit RedisMetrics(const RedisStats* stats) : stats_(*stats) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    const auto gauge = [](const char* name, const char* help, int64_t value) {
      return GaugeFamily(name, help, static_cast<double>(value));
    };
    std::vector<prometheus::MetricFamily> families = {
        Up(stats_),
        Errors(stats_),
        CounterFamily("attune_redis_connects_total", "Successful handshakes",
                      {{{}, stats_.connects}}),
        gauge("attune_redis_revisions_behind", "Shared revisions not here",
              stats_.revisions_behind),
        gauge("attune_redis_traffic_behind", "Changes of the traffic not here",
              stats_.traffic_behind),
        CounterFamily("attune_redis_restored_total", "What Redis had lost",
                      {{{{"what", "revision"}}, stats_.restored_revisions},
                       {{{"what", "traffic"}}, stats_.restored_traffic}}),
        gauge("attune_redis_stream_full", "1 if the stream takes no more",
              stats_.stream_full ? 1 : 0),
        CounterFamily("attune_redis_delivered_total", "Records in the stream",
                      {{{{"part", "decision"}}, stats_.delivered_decisions},
                       {{{"part", "feedback"}}, stats_.delivered_feedback}})};
    if (stats_.outbox_records >= 0) {
      families.push_back(gauge("attune_redis_outbox_records",
                               "Records that wait", stats_.outbox_records));
      families.push_back(gauge("attune_redis_outbox_age_seconds",
                               "Age of the first record that waits",
                               stats_.outbox_age_seconds));
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
