// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/latency_histogram.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace attune::server {
namespace {

using std::chrono::microseconds;

prometheus::ClientMetric::Histogram Scrape(const LatencyHistogram& histogram) {
  const auto families = histogram.Collect();
  EXPECT_EQ(families.size(), 1u);
  EXPECT_EQ(families[0].name, "attune_get_prompt_latency_seconds");
  return families[0].metric[0].histogram;
}

TEST(LatencyHistogramTest, CountsEachLatencyInItsBucketAndAllAbove) {
  LatencyHistogram histogram("attune_get_prompt_latency_seconds");
  histogram.Observe(microseconds(10));  // at the bound of the first bucket
  histogram.Observe(microseconds(11));
  histogram.Observe(std::chrono::seconds(105));  // above every bound
  const auto scraped = Scrape(histogram);
  EXPECT_EQ(scraped.bucket[0].cumulative_count, 1u);
  EXPECT_EQ(scraped.bucket[1].cumulative_count, 2u);
  EXPECT_EQ(
      scraped.bucket[LatencyHistogram::kBounds.size() - 1].cumulative_count,
      2u);
  EXPECT_EQ(scraped.bucket.back().cumulative_count, 3u);
  EXPECT_EQ(scraped.sample_count, 3u);
  EXPECT_NEAR(scraped.sample_sum, 105.000021, 1e-6);
}

TEST(LatencyHistogramTest, LosesNothingAcrossThreads) {
  LatencyHistogram histogram("attune_get_prompt_latency_seconds");
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) histogram.Observe(microseconds(30));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(Scrape(histogram).sample_count, 8000u);
}

}  // namespace
}  // namespace attune::server
