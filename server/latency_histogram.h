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
#include <string>
#include <vector>

namespace attune::server {

class LatencyHistogram : public prometheus::Collectable {
 public:
  // Upper bounds of the buckets in seconds; one without a bound follows.
  static constexpr std::array<double, 16> kBounds = {
      10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3,
      5e-3,  10e-3, 20e-3, 50e-3,  100e-3, 200e-3, 0.5,  1.0};

  LatencyHistogram(std::string name, std::string help);

  void Observe(std::chrono::nanoseconds latency);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  static constexpr int kShards = 16;
  struct alignas(64) Shard {
    std::array<std::atomic<uint64_t>, kBounds.size() + 1> counts = {};
    std::atomic<uint64_t> nanoseconds = 0;
  };

  const std::string name_;
  const std::string help_;
  std::array<Shard, kShards> shards_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LATENCY_HISTOGRAM_H_
