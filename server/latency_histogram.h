// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LATENCY_HISTOGRAM_H_
#define ATTUNE_SERVER_LATENCY_HISTOGRAM_H_

// A Prometheus histogram whose Observe() takes no lock: threads add to shards
// of their own, a scrape adds the shards up. Thread-safe.

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "server/metric_table.h"
#include "server/thread_shard.h"

namespace attune::server {

class LatencyHistogram : public prometheus::Collectable {
 public:
  // Upper bounds of the buckets in seconds, those of gRFC A66 but for its 0; one
  // without a bound follows.
  static constexpr std::array<double, 40> kBounds = {
      10e-6,  50e-6,  100e-6, 300e-6, 600e-6, 800e-6, 1e-3,   2e-3,
      3e-3,   4e-3,   5e-3,   6e-3,   8e-3,   10e-3,  13e-3,  16e-3,
      20e-3,  25e-3,  30e-3,  40e-3,  50e-3,  65e-3,  80e-3,  100e-3,
      130e-3, 160e-3, 200e-3, 250e-3, 300e-3, 400e-3, 500e-3, 650e-3,
      800e-3, 1.0,    2.0,    5.0,    10.0,   20.0,   50.0,   100.0};

  explicit LatencyHistogram(Metric metric) : metric_(metric) {}

  void Observe(std::chrono::nanoseconds latency);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct alignas(64) Shard {
    std::array<std::atomic<uint64_t>, kBounds.size() + 1> counts = {};
    std::atomic<uint64_t> nanoseconds = 0;
  };

  const Metric metric_;
  std::array<Shard, kThreadShards> shards_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LATENCY_HISTOGRAM_H_
