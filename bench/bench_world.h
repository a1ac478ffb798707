// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_BENCH_BENCH_WORLD_H_
#define ATTUNE_BENCH_BENCH_WORLD_H_

// What the benchmarks measure on: a revision with as many items as
// MovieLens-100K and the sizes that the trainer gives its agents, with random
// weights, and requests to it. Everything is a function of a fixed seed.

#include <string>
#include <vector>

#include "policy/actor.h"
#include "policy/item.h"

namespace attune::bench {

inline constexpr int kItems = 1682;
inline constexpr int kHistoryItems = 20;
inline constexpr int kCandidates = 10;

struct BenchRequest {
  std::vector<policy::Item> history;
  std::vector<policy::Item> candidates;
};

struct BenchWorld {
  int items = kItems;
  // Width of the heads' layers: of the trainer's, 64, a decision costs less than
  // its call; of wide ones most of its time.
  int hidden = 64;
  // Length of an item's embedding, the largest part of the heads' input.
  int embedding_dim = 64;
};

// Requests over items of a table of `items`, so many that a benchmark which goes
// through them does not measure one lucky one: 64, and of large tables, whose
// rows are not all in the processor's caches, 4,096.
std::vector<BenchRequest> BenchRequests(int items = kItems);

// The bytes of a revision over the movies catalog. Ends the program if there is
// none to be had.
std::string BenchArtifact(policy::HeadsKind kind, const BenchWorld& world = {});

}  // namespace attune::bench

#endif  // ATTUNE_BENCH_BENCH_WORLD_H_
