// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/latency_histogram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/metric_family.h"
#include "server/thread_shard.h"

namespace attune::server {

void LatencyHistogram::Observe(std::chrono::nanoseconds latency) {
  Shard& shard = shards_[ThreadShard()];
  const double seconds = std::chrono::duration<double>(latency).count();
  const size_t bucket = static_cast<size_t>(
      std::lower_bound(kBounds.begin(), kBounds.end(), seconds) -
      kBounds.begin());
  shard.counts[bucket].fetch_add(1, std::memory_order_relaxed);
  shard.nanoseconds.fetch_add(static_cast<uint64_t>(latency.count()),
                              std::memory_order_relaxed);
}

std::vector<prometheus::MetricFamily> LatencyHistogram::Collect() const {
  prometheus::ClientMetric metric;
  uint64_t nanoseconds = 0;
  std::array<uint64_t, kBounds.size() + 1> counts = {};
  for (const Shard& shard : shards_) {
    nanoseconds += shard.nanoseconds.load(std::memory_order_relaxed);
    for (size_t i = 0; i < counts.size(); ++i) {
      counts[i] += shard.counts[i].load(std::memory_order_relaxed);
    }
  }
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double bound = i < kBounds.size()
                             ? kBounds[i]
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = static_cast<double>(nanoseconds) * 1e-9;
  prometheus::MetricFamily family = MakeFamily(metric_);
  family.metric.push_back(std::move(metric));
  return {std::move(family)};
}

}  // namespace attune::server
