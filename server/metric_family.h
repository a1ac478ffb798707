// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_METRIC_FAMILY_H_
#define ATTUNE_SERVER_METRIC_FAMILY_H_

// Families of metrics (rows of metric_table.h) from numbers that are kept
// elsewhere. Pure functions.

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/metric_table.h"

namespace attune::server {

using Labels = std::vector<prometheus::ClientMetric::Label>;

// One without series.
inline prometheus::MetricFamily MakeFamily(Metric metric) {
  return {
      std::string(metric->name), std::string(metric->help), metric->type, {}};
}

// REQUIRES: a family of counters or gauges.
inline void AddSeries(prometheus::MetricFamily* family, double value,
                      Labels labels = {}) {
  prometheus::ClientMetric series;
  series.label = std::move(labels);
  if (family->type == kCounter) {
    series.counter.value = value;
  } else {
    series.gauge.value = value;
  }
  family->metric.push_back(std::move(series));
}

inline prometheus::MetricFamily GaugeFamily(Metric metric, double value) {
  prometheus::MetricFamily family = MakeFamily(metric);
  AddSeries(&family, value);
  return family;
}

inline prometheus::MetricFamily CounterFamily(
    Metric metric, const std::vector<std::pair<Labels, int64_t>>& counts) {
  prometheus::MetricFamily family = MakeFamily(metric);
  for (const auto& [labels, count] : counts) {
    AddSeries(&family, static_cast<double>(count), labels);
  }
  return family;
}

}  // namespace attune::server

#endif  // ATTUNE_SERVER_METRIC_FAMILY_H_
