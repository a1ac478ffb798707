// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRACING_TRACER_H_
#define ATTUNE_TRACING_TRACER_H_

// Makes spans, and decides which work has one: what its caller records, and of
// the work that nobody asked for with a trace, a share. What is not recorded
// costs no memory.
//
// Life cycle: Start() a span, fill it in, End() it. Borrows the exporter, which
// must outlive it. Thread-safe.
//
// Example:
//   if (auto span = tracer.Start("refine", SpanKind::kInternal)) {
//     span->Set("attune.rankings", 12);
//     tracer.End(*std::move(span));
//   }

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "tracing/exporter.h"
#include "tracing/span.h"
#include "tracing/trace_context.h"

namespace attune::tracing {

class Tracer {
 public:
  struct Options {
    SpanExporter* exporter;
    // Share of the traces that begin here which are recorded; in [0, 1]. By the
    // trace's id: whoever else decides so, with the same share, agrees.
    double ratio = 1.0;
    // The time. Thread-safe.
    std::function<absl::Time()> clock;
    // Fills a span of bytes with random ones. Thread-safe.
    std::function<void(absl::Span<uint8_t>)> random;
  };

  explicit Tracer(Options options);

  // A span that begins now; nullopt if it is not recorded: because the parent
  // says so or, without a parent, because it is not in the share. `parent` may
  // be null.
  std::optional<Span> Start(std::string_view name, SpanKind kind,
                            const TraceContext* parent = nullptr) const;
  // The span ends now, or ended then.
  void End(Span span) const { EndAt(std::move(span), Now()); }
  void EndAt(Span span, absl::Time end) const;

  absl::Time Now() const { return options_.clock(); }

 private:
  bool IsInShare(const TraceId& id) const;

  const Options options_;
  // Of 2^56 values of an id's last 56 bits, those that are not recorded.
  const uint64_t rejected_;
};

}  // namespace attune::tracing

#endif  // ATTUNE_TRACING_TRACER_H_
