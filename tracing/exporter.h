// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRACING_EXPORTER_H_
#define ATTUNE_TRACING_EXPORTER_H_

// Where spans go once they have ended.

#include "tracing/span.h"

namespace attune::tracing {

// Thread-safe.
class SpanExporter {
 public:
  virtual ~SpanExporter() = default;

  // Takes a span that has ended. Never blocks; what cannot be taken is dropped
  // and counted.
  virtual void Export(Span span) = 0;
};

}  // namespace attune::tracing

#endif  // ATTUNE_TRACING_EXPORTER_H_
