// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRACING_SPAN_H_
#define ATTUNE_TRACING_SPAN_H_

// A piece of work that is recorded: one call, or one round of them. Plain value.
// Nothing that a user sent belongs into it.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "tracing/trace_context.h"

namespace attune::tracing {

// OTLP's numbers.
enum class SpanKind {
  kInternal = 1,
  // Answers a call.
  kServer = 2,
  // Makes one.
  kClient = 3,
};

struct Attribute {
  std::string key;
  std::variant<std::string, int64_t> value;
};

struct Span {
  // Its own id, in the trace that it belongs to.
  TraceContext context;
  // Empty for the first one of a trace.
  std::optional<SpanId> parent;
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  absl::Time start;
  absl::Time end;
  std::vector<Attribute> attributes;
  // Whether it failed.
  bool failed = false;

  void Set(std::string key, std::string value) {
    attributes.push_back({std::move(key), std::move(value)});
  }
  void Set(std::string key, int64_t value) {
    attributes.push_back({std::move(key), value});
  }
};

}  // namespace attune::tracing

#endif  // ATTUNE_TRACING_SPAN_H_
