// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_METRIC_FAMILY_H_
#define ATTUNE_SERVER_METRIC_FAMILY_H_

// Families of metrics from numbers that are kept elsewhere. Pure functions.

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace attune::server {

inline prometheus::MetricFamily GaugeFamily(const char* name, const char* help,
                                            double value) {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  return {name, help, prometheus::MetricType::Gauge, {metric}};
}

using Labels = std::vector<prometheus::ClientMetric::Label>;

inline prometheus::MetricFamily CounterFamily(
    const char* name, const char* help,
    const std::vector<std::pair<Labels, int64_t>>& counts) {
  prometheus::MetricFamily family{
      name, help, prometheus::MetricType::Counter, {}};
  for (const auto& [labels, count] : counts) {
    prometheus::ClientMetric metric;
    metric.label = labels;
    metric.counter.value = static_cast<double>(count);
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace attune::server

#endif  // ATTUNE_SERVER_METRIC_FAMILY_H_
