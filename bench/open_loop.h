// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_BENCH_OPEN_LOOP_H_
#define ATTUNE_BENCH_OPEN_LOOP_H_

// Calls GetPrompt at times that were fixed before, whatever became of the calls
// before: a server that stalls is asked all the same, and each latency counts
// from the time at which the call was due, so that a stall shows in all calls
// that fell into it (no coordinated omission).
//
// Blocks; one thread sends, gRPC's threads receive.

#include <cstdint>
#include <vector>

#include "attune/v1/prompt_service.grpc.pb.h"

namespace attune::bench {

struct OpenLoopCall {
  // Since the Unix epoch.
  int64_t due_micros = 0;
  // From then to the answer.
  float latency_micros = 0.0F;
  int code = 0;
};

struct OpenLoopOptions {
  int port = 0;
  // Calls per second, evenly spaced.
  double rate = 1000.0;
  double seconds = 5.0;
  int connections = 8;
  double deadline_seconds = 5.0;
};

// All calls, in the order in which they were due.
std::vector<OpenLoopCall> RunOpenLoop(
    const OpenLoopOptions& options,
    const std::vector<v1::GetPromptRequest>& requests);

}  // namespace attune::bench

#endif  // ATTUNE_BENCH_OPEN_LOOP_H_
