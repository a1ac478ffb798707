// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/connection_metrics.h"

#include <prometheus/metric_family.h>

#include <utility>

namespace attune::server {
namespace {

class ConnectionMetrics : public prometheus::Collectable {
 public:
  explicit ConnectionMetrics(std::vector<NamedConnectionStats> listeners)
      : listeners_(std::move(listeners)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily open{"attune_connections",
                                  "Open connections by listener",
                                  prometheus::MetricType::Gauge,
                                  {}};
    prometheus::MetricFamily total{"attune_connections_total",
                                   "Connections by what became of them",
                                   prometheus::MetricType::Counter,
                                   {}};
    for (const auto& [listener, stats] : listeners_) {
      prometheus::ClientMetric metric;
      metric.label = {{"listener", listener}};
      metric.gauge.value = static_cast<double>(stats->open);
      open.metric.push_back(metric);
      const std::pair<const char*, int64_t> results[] = {
          {"accepted", stats->accepted},
          {"refused_total", stats->refused_total},
          {"refused_address", stats->refused_address},
          {"refused_descriptors", stats->refused_descriptors}};
      for (const auto& [result, count] : results) {
        prometheus::ClientMetric counted;
        counted.label = {{"listener", listener}, {"result", result}};
        counted.counter.value = static_cast<double>(count);
        total.metric.push_back(counted);
      }
    }
    return {std::move(open), std::move(total)};
  }

 private:
  const std::vector<NamedConnectionStats> listeners_;
};

}  // namespace

std::shared_ptr<prometheus::Collectable> MakeConnectionMetrics(
    std::vector<NamedConnectionStats> listeners) {
  return std::make_shared<ConnectionMetrics>(std::move(listeners));
}

}  // namespace attune::server
