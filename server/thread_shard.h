// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_THREAD_SHARD_H_
#define ATTUNE_SERVER_THREAD_SHARD_H_

// Spreads threads over the shards of a counter, so that counting writes to no
// memory that another busy thread writes to. Thread-safe.

#include <atomic>

namespace attune::server {

inline constexpr int kThreadShards = 16;

// In [0, kThreadShards); always the same for one thread.
inline int ThreadShard() {
  static std::atomic<unsigned> next = 0;
  thread_local const int shard = static_cast<int>(
      next.fetch_add(1, std::memory_order_relaxed) % kThreadShards);
  return shard;
}

}  // namespace attune::server

#endif  // ATTUNE_SERVER_THREAD_SHARD_H_
