// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CALL_SPAN_H_
#define ATTUNE_SERVER_CALL_SPAN_H_

// The span of one call, if it has one: without tracing, and for calls that are
// not recorded, all this does nothing, allocates nothing and costs a branch.
//
// A caller's `traceparent` (and `tracestate`) in the call's metadata is the
// span's parent. The span's own context is sent back as trailing metadata
// `traceparent`, so that the caller can put what it does with the answer below
// it. A span says what the server knows, never what a user sent.
//
// Copies are the same span. Not thread-safe: a call is answered by one thread at
// a time.

#include <grpcpp/server_context.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/metrics.h"
#include "server/prompt_handler.h"
#include "tracing/tracer.h"

namespace attune::server {

class CallSpan {
 public:
  // None.
  CallSpan() = default;
  // Begins now. `tracer` is null without tracing; it must outlive the span.
  // REQUIRES: the call has not finished.
  CallSpan(const tracing::Tracer* tracer, grpc::CallbackServerContext* context,
           Method method) {
    if (tracer == nullptr) return;
    Begin(*tracer, method, *context);
    Tell(context);
  }
  // The same for one of many in a stream, which are not told of to the caller.
  static CallSpan InStream(const tracing::Tracer* tracer,
                           const grpc::CallbackServerContext& context,
                           Method method);

  // Where a handler leaves what it knows; null without a span.
  PromptFacts* facts() const {
    return span_ == nullptr ? nullptr : &span_->facts;
  }
  void Set(const char* key, const std::string& value) const;
  void Set(const char* key, int64_t value) const;
  // Call it once, when the call has its status and before it finishes.
  void End(const absl::Status& status) const {
    if (span_ != nullptr) Finish(status);
  }

 private:
  struct Recorded {
    const tracing::Tracer& tracer;
    tracing::Span span;
    PromptFacts facts;
  };
  void Begin(const tracing::Tracer& tracer, Method method,
             const grpc::CallbackServerContext& context);
  void Tell(grpc::CallbackServerContext* context) const;
  void Finish(const absl::Status& status) const;

  std::shared_ptr<Recorded> span_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CALL_SPAN_H_
