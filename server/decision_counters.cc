// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/decision_counters.h"

namespace attune::server {

void DecisionCounters::Count(const policy::Catalog& catalog,
                             const policy::Choice& choice) {
  Block* block = Find(catalog.digest);
  if (block == nullptr) block = &Add(catalog);
  Counters& counters = block->shards[ThreadShard()];
  for (size_t k = 0; k < choice.patterns.size(); ++k) {
    counters[block->offsets[k] + choice.patterns[k].option].fetch_add(
        1, std::memory_order_relaxed);
  }
}

DecisionCounters::Block* DecisionCounters::Find(
    const std::string& digest) const {
  Block* block = newest_.load(std::memory_order_acquire);
  while (block != nullptr && block->digest != digest) block = block->older;
  return block;
}

DecisionCounters::Block& DecisionCounters::Add(const policy::Catalog& catalog) {
  std::lock_guard<std::mutex> lock(mutex_);
  // Another thread may have been here first.
  if (Block* block = Find(catalog.digest)) return *block;
  auto block = std::make_unique<Block>();
  block->digest = catalog.digest;
  for (const policy::Pattern& pattern : catalog.patterns) {
    block->offsets.push_back(static_cast<int>(block->series.size()));
    for (const policy::Option& option : pattern.options) {
      block->series.push_back(SeriesOf(pattern.name, option.id));
    }
  }
  for (Counters& shard : block->shards) shard = Counters(block->series.size());
  block->older = newest_.load(std::memory_order_relaxed);
  newest_.store(block.get(), std::memory_order_release);
  blocks_.push_back(std::move(block));
  return *blocks_.back();
}

int DecisionCounters::SeriesOf(const std::string& pattern,
                               const std::string& option) {
  const auto known = series_.find({pattern, option});
  if (known != series_.end()) return known->second;
  const int next = static_cast<int>(series_.size());
  if (next < kMaxDecisionSeries) return series_[{pattern, option}] = next;
  return series_.try_emplace({"other", "other"}, next).first->second;
}

std::vector<prometheus::MetricFamily> DecisionCounters::Collect() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<uint64_t> counts(series_.size());
  for (const auto& block : blocks_) {
    for (const Counters& shard : block->shards) {
      for (size_t i = 0; i < shard.size(); ++i) {
        counts[block->series[i]] += shard[i].load(std::memory_order_relaxed);
      }
    }
  }
  prometheus::MetricFamily family{"attune_decisions_total",
                                  "Decisions by pattern and chosen option",
                                  prometheus::MetricType::Counter,
                                  {}};
  for (const auto& [labels, index] : series_) {
    prometheus::ClientMetric metric;
    metric.label = {{"option", labels.second}, {"pattern", labels.first}};
    metric.counter.value = static_cast<double>(counts[index]);
    family.metric.push_back(std::move(metric));
  }
  return {std::move(family)};
}

}  // namespace attune::server
