// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/decision_counters.h"

#include "absl/types/span.h"
#include "server/metric_family.h"

namespace attune::server {
namespace {

constexpr const char* kOther = "other";
constexpr const char* kResults[] = {"differs", "agrees"};
using PairOfCounts = std::array<uint64_t, 2>;

void CountOne(std::atomic<uint64_t>& counter) {
  counter.fetch_add(1, std::memory_order_relaxed);
}

// No other option is as probable.
bool IsMostProbable(absl::Span<const float> probabilities, size_t option) {
  for (size_t a = 0; a < probabilities.size(); ++a) {
    if (a != option && probabilities[a] >= probabilities[option]) return false;
  }
  return true;
}

}  // namespace

void DecisionCounters::Count(const policy::Catalog& catalog,
                             const policy::Choice& choice) {
  Block& block = FindOrAdd(catalog);
  Counters& counters = block.shards[ThreadShard()].options;
  for (size_t k = 0; k < choice.patterns.size(); ++k) {
    CountOne(counters[block.offsets[k] + choice.patterns[k].option]);
  }
}

void DecisionCounters::CountApprentice(const policy::Catalog& catalog,
                                       const policy::Choice& choice) {
  Block& block = FindOrAdd(catalog);
  Counters& counters = block.shards[ThreadShard()].apprentice;
  const size_t patterns = choice.patterns.size();
  bool all_agree = true;
  for (size_t k = 0; k < patterns; ++k) {
    const bool agrees = IsMostProbable(
        absl::MakeConstSpan(choice.option_probabilities)
            .subspan(block.offsets[k], catalog.patterns[k].options.size()),
        choice.patterns[k].option);
    CountOne(counters[2 * k + (agrees ? 1 : 0)]);
    all_agree &= agrees;
  }
  CountOne(counters[2 * patterns + (all_agree ? 1 : 0)]);
}

DecisionCounters::Block* DecisionCounters::Find(
    const std::string& digest) const {
  Block* block = newest_.load(std::memory_order_acquire);
  while (block != nullptr && block->digest != digest) block = block->older;
  return block;
}

DecisionCounters::Block& DecisionCounters::FindOrAdd(
    const policy::Catalog& catalog) {
  Block* block = Find(catalog.digest);
  return block != nullptr ? *block : Add(catalog);
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
    const auto other = series_.find({kOther, kOther});
    const bool too_many =
        other != series_.end() && block->series.back() == other->second;
    block->patterns.push_back(too_many ? kOther : pattern.name);
  }
  for (Shard& shard : block->shards) {
    shard.options = Counters(block->series.size());
    shard.apprentice = Counters(2 * (block->patterns.size() + 1));
  }
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
  return series_.try_emplace({kOther, kOther}, next).first->second;
}

std::vector<prometheus::MetricFamily> DecisionCounters::Collect() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<prometheus::MetricFamily> families = Apprentice();
  families.push_back(Decisions());
  return families;
}

prometheus::MetricFamily DecisionCounters::Decisions() const {
  std::vector<uint64_t> counts(series_.size());
  for (const auto& block : blocks_) {
    for (const Shard& shard : block->shards) {
      for (size_t i = 0; i < shard.options.size(); ++i) {
        counts[block->series[i]] +=
            shard.options[i].load(std::memory_order_relaxed);
      }
    }
  }
  prometheus::MetricFamily family = MakeFamily("attune_decisions_total");
  for (const auto& [labels, index] : series_) {
    AddSeries(&family, static_cast<double>(counts[index]),
              {{"option", labels.second}, {"pattern", labels.first}});
  }
  return family;
}

std::vector<prometheus::MetricFamily> DecisionCounters::Apprentice() const {
  std::map<std::string, PairOfCounts> patterns;
  PairOfCounts whole = {};
  for (const auto& block : blocks_) {
    for (size_t k = 0; k <= block->patterns.size(); ++k) {
      PairOfCounts& pair =
          k < block->patterns.size() ? patterns[block->patterns[k]] : whole;
      for (const Shard& shard : block->shards) {
        for (size_t i = 0; i < pair.size(); ++i) {
          pair[i] +=
              shard.apprentice[2 * k + i].load(std::memory_order_relaxed);
        }
      }
    }
  }
  prometheus::MetricFamily decisions =
      MakeFamily("attune_apprentice_decisions_total");
  prometheus::MetricFamily options =
      MakeFamily("attune_apprentice_options_total");
  for (size_t i = 0; i < whole.size(); ++i) {
    AddSeries(&decisions, static_cast<double>(whole[i]),
              {{"result", kResults[i]}});
    for (const auto& [pattern, pair] : patterns) {
      AddSeries(&options, static_cast<double>(pair[i]),
                {{"pattern", pattern}, {"result", kResults[i]}});
    }
  }
  return {std::move(decisions), std::move(options)};
}

}  // namespace attune::server
