// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRACING_TRACE_CONTEXT_H_
#define ATTUNE_TRACING_TRACE_CONTEXT_H_

// Which trace a span belongs to, and how two programs tell each other: W3C Trace
// Context (the headers `traceparent` and `tracestate`).
//
// Plain values and pure functions; safe to call from any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace attune::tracing {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

inline constexpr char kTraceparent[] = "traceparent";
inline constexpr char kTracestate[] = "tracestate";
inline constexpr size_t kMaxTracestateBytes = 512;

struct TraceContext {
  // Neither is all zeros.
  TraceId trace_id = {};
  SpanId span_id = {};
  // Whether the caller records its part.
  bool sampled = false;
  // Other vendors' words, as they came; never looked into.
  std::string tracestate = {};
};

// What a `traceparent` says, without a tracestate. Nullopt if it is none: hex
// digits in upper case, ids of zeros, version ff, version 00 with anything after
// the flags. A later version counts for what version 00 knows of it.
std::optional<TraceContext> ParseTraceparent(std::string_view value);

// "00-<trace id>-<span id>-<01 if sampled, else 00>".
std::string FormatTraceparent(const TraceContext& context);

// Whether a `tracestate` may be passed on: at most 512 bytes of printable ASCII.
// It is passed on unchanged or not at all.
bool MayPassOn(std::string_view tracestate);

// Lower-case hexadecimal.
std::string ToHex(const TraceId& id);
std::string ToHex(const SpanId& id);

}  // namespace attune::tracing

#endif  // ATTUNE_TRACING_TRACE_CONTEXT_H_
