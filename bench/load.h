// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_BENCH_LOAD_H_
#define ATTUNE_BENCH_LOAD_H_

// A closed loop of GetPrompt calls: each of `in_flight` callers has a
// connection of its own and calls again as soon as it is answered.
//
// Life cycle: Run() to warm up, Reset(), Run() any number of times; then the
// percentiles of all calls since.
// Not thread-safe; owned by the benchmark's thread.

#include <cstdint>
#include <memory>
#include <vector>

#include "attune/v1/prompt_service.grpc.pb.h"

namespace attune::bench {

class Load {
 public:
  // `requests` must outlive it.
  Load(int port, int in_flight,
       const std::vector<v1::GetPromptRequest>& requests);
  ~Load();

  // Blocks until `calls` calls are answered, whatever the answers are.
  void Run(int64_t calls);
  // Forgets the calls so far, but keeps the connections.
  void Reset();

  // Calls that were not OK; they count in no percentile.
  int64_t failed() const;
  // Latency below which this share of the calls was. 0 if there were none.
  double PercentileMicros(double share) const;

 private:
  class Caller;
  std::vector<std::unique_ptr<Caller>> callers_;
};

}  // namespace attune::bench

#endif  // ATTUNE_BENCH_LOAD_H_
