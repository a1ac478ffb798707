// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRACING_SPANS_H_
#define ATTUNE_TESTS_TRACING_SPANS_H_

// Spans for tests, and an exporter that keeps them.

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "tracing/exporter.h"

namespace attune::tracing {

// One second long.
inline Span SampleSpan(
    const std::string& name = "attune.v1.PromptService/GetPrompt") {
  Span span;
  for (size_t i = 0; i < span.context.trace_id.size(); ++i) {
    span.context.trace_id[i] = static_cast<uint8_t>(i + 1);
  }
  span.context.span_id = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8};
  span.context.sampled = true;
  span.name = name;
  span.kind = SpanKind::kServer;
  span.start = absl::FromUnixSeconds(1764000000);
  span.end = span.start + absl::Seconds(1);
  return span;
}

class KeptSpans final : public SpanExporter {
 public:
  void Export(Span span) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    spans_.push_back(std::move(span));
  }
  std::vector<Span> spans() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return spans_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Span> spans_;  // guarded by mutex_
};

}  // namespace attune::tracing

#endif  // ATTUNE_TESTS_TRACING_SPANS_H_
