// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_DECISION_COUNTERS_H_
#define ATTUNE_SERVER_DECISION_COUNTERS_H_

// attune_decisions_total{pattern,option}: how often the agents chose each
// option. Of decisions in mode APPRENTICE, in which the caller chose:
// attune_apprentice_options_total{pattern,result}, how often an agent agreed
// with it, its most probable option being the caller's and no other as probable;
// attune_apprentice_decisions_total{result}, how often all of them did.
//
// Counting takes no lock once a catalog has been seen: each catalog has a block
// of counters that is never removed, sharded by thread; a scrape adds up.
// Thread-safe.

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "policy/catalog.h"
#include "policy/choice.h"
#include "server/thread_shard.h"

namespace attune::server {

// Label pairs beyond these are counted as pattern "other", option "other".
inline constexpr int kMaxDecisionSeries = 4096;

class DecisionCounters : public prometheus::Collectable {
 public:
  void Count(const policy::Catalog& catalog, const policy::Choice& choice);
  // REQUIRES: a choice with option_probabilities.
  void CountApprentice(const policy::Catalog& catalog,
                       const policy::Choice& choice);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  using Counters = std::vector<std::atomic<uint64_t>>;
  // Of one thread's decisions.
  struct Shard {
    // By option, the patterns' one after another.
    Counters options;
    // Differs, agrees: a pair for each pattern, then one for whole choices.
    Counters apprentice;
  };
  // One catalog's counters. All but the counts is immutable.
  struct Block {
    std::string digest;
    // First counter of each pattern.
    std::vector<int> offsets;
    // Index of each counter's series.
    std::vector<int> series;
    // Label of each pattern.
    std::vector<std::string> patterns;
    std::array<Shard, kThreadShards> shards;
    Block* older = nullptr;
  };

  Block* Find(const std::string& digest) const;
  Block& FindOrAdd(const policy::Catalog& catalog);
  Block& Add(const policy::Catalog& catalog);
  // REQUIRE: mutex_ is held.
  int SeriesOf(const std::string& pattern, const std::string& option);
  prometheus::MetricFamily Decisions() const;
  std::vector<prometheus::MetricFamily> Apprentice() const;

  // The newest catalog's block; the others hang from it.
  std::atomic<Block*> newest_ = nullptr;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Block>> blocks_;  // guarded by mutex_
  // By pattern and option; guarded by mutex_.
  std::map<std::pair<std::string, std::string>, int> series_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_DECISION_COUNTERS_H_
