// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/connection_metrics.h"

#include <utility>

#include "server/metric_family.h"

namespace attune::server {
namespace {

class ConnectionMetrics : public prometheus::Collectable {
 public:
  explicit ConnectionMetrics(std::vector<NamedConnectionStats> listeners)
      : listeners_(std::move(listeners)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily open = MakeFamily("attune_connections");
    prometheus::MetricFamily total = MakeFamily("attune_connections_total");
    for (const auto& [listener, stats] : listeners_) {
      AddSeries(&open, static_cast<double>(stats->open),
                {{"listener", listener}});
      const std::pair<const char*, int64_t> results[] = {
          {"accepted", stats->accepted},
          {"refused_total", stats->refused_total},
          {"refused_address", stats->refused_address},
          {"refused_descriptors", stats->refused_descriptors}};
      for (const auto& [result, count] : results) {
        AddSeries(&total, static_cast<double>(count),
                  {{"listener", listener}, {"result", result}});
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
