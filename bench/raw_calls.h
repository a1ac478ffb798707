// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_BENCH_RAW_CALLS_H_
#define ATTUNE_BENCH_RAW_CALLS_H_

// Closed loops of prompts whose callers cost next to nothing: requests are bytes
// that were made before, of an answer no more is read than whether it is one.
// For comparing ways to ask on a machine that callers and server share.
//
// Block; gRPC's threads call and are called.

#include <cstdint>
#include <vector>

#include "attune/v1/prompt_service.grpc.pb.h"

namespace attune::bench {

struct RawOptions {
  int port = 0;
  // Each with a connection of its own and one message under way; a stream has
  // two, so that one is read while the other is answered.
  int callers = 4;
  // Calls in a message of a stream.
  int batch = 64;
  double seconds = 3.0;
};

struct RawResult {
  double prompts_per_second = 0.0;
  int64_t failed = 0;
};

// GetPrompt, one call after the other.
RawResult RunRawUnary(const RawOptions& options,
                      const std::vector<v1::GetPromptRequest>& requests);

// StreamPrompts, one stream a caller.
RawResult RunRawStreams(const RawOptions& options,
                        const std::vector<v1::GetPromptRequest>& requests);

}  // namespace attune::bench

#endif  // ATTUNE_BENCH_RAW_CALLS_H_
