// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/tracer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace attune::tracing {
namespace {

constexpr int kRandomBits = 56;

// Zeros are no id.
template <typename Id>
void Fill(const Tracer::Options& options, Id* id) {
  options.random(absl::MakeSpan(*id));
  if (std::all_of(id->begin(), id->end(), [](uint8_t b) { return b == 0; })) {
    id->back() = 1;
  }
}

}  // namespace

Tracer::Tracer(Options options)
    : options_(std::move(options)),
      rejected_(static_cast<uint64_t>(std::ldexp(
          1.0 - std::clamp(options_.ratio, 0.0, 1.0), kRandomBits))) {}

std::optional<Span> Tracer::Start(std::string_view name, SpanKind kind,
                                  const TraceContext* parent) const {
  Span span;
  if (parent != nullptr) {
    if (!parent->sampled) return std::nullopt;
    span.context = *parent;
    span.parent = parent->span_id;
  } else {
    Fill(options_, &span.context.trace_id);
    if (!IsInShare(span.context.trace_id)) return std::nullopt;
    span.context.sampled = true;
  }
  Fill(options_, &span.context.span_id);
  span.name = std::string(name);
  span.kind = kind;
  span.start = options_.clock();
  return span;
}

void Tracer::EndAt(Span span, absl::Time end) const {
  // A clock may be set back.
  span.end = std::max(end, span.start);
  options_.exporter->Export(std::move(span));
}

bool Tracer::IsInShare(const TraceId& id) const {
  uint64_t value = 0;
  for (size_t i = id.size() - kRandomBits / 8; i < id.size(); ++i) {
    value = value << 8 | id[i];
  }
  return value >= rejected_;
}

}  // namespace attune::tracing
