// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/call_span.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace attune::server {
namespace {

const char* ServiceOf(Method method) {
  switch (method) {
    case Method::kGetPrompt:
    case Method::kPreviewPrompt:
    case Method::kStreamPrompts:
    case Method::kRecordFeedback:
      return "attune.v1.PromptService";
    case Method::kListDecisions:
    case Method::kForgetUser:
      return "attune.v1.LogService";
    default:
      return "attune.v1.PolicyService";
  }
}

std::string_view ViewOf(grpc::string_ref text) {
  return {text.data(), text.size()};
}

// Two of them are none; of the trace's state several are one.
std::optional<tracing::TraceContext> ParentOf(
    const grpc::CallbackServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto [first, end] = metadata.equal_range(tracing::kTraceparent);
  if (first == end || std::next(first) != end) return std::nullopt;
  auto parent = tracing::ParseTraceparent(ViewOf(first->second));
  if (!parent.has_value()) return std::nullopt;
  std::string state;
  const auto [begin, last] = metadata.equal_range(tracing::kTracestate);
  for (auto it = begin; it != last; ++it) {
    absl::StrAppend(&state, state.empty() ? "" : ",",
                    std::string(ViewOf(it->second)));
  }
  if (tracing::MayPassOn(state)) parent->tracestate = std::move(state);
  return parent;
}

// What OpenTelemetry's conventions call an error of a gRPC server: what is not
// the caller's doing.
bool IsServersFault(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

void SetUnlessEmpty(const char* key, const std::string& value,
                    tracing::Span* span) {
  if (!value.empty()) span->Set(key, value);
}

void SetFacts(const PromptFacts& facts, tracing::Span* span) {
  if (facts.candidates == 0 && facts.history_items == 0) return;
  SetUnlessEmpty("attune.mode", v1::DecisionMode_Name(facts.mode), span);
  span->Set("attune.history_items", facts.history_items);
  span->Set("attune.candidates", facts.candidates);
  SetUnlessEmpty("attune.policy", facts.policy, span);
  SetUnlessEmpty("attune.revision", facts.revision, span);
  SetUnlessEmpty("attune.decision_id", facts.decision_id, span);
}

}  // namespace

CallSpan CallSpan::InStream(const tracing::Tracer* tracer,
                            const grpc::CallbackServerContext& context,
                            Method method) {
  CallSpan span;
  if (tracer != nullptr) span.Begin(*tracer, method, context);
  return span;
}

void CallSpan::Begin(const tracing::Tracer& tracer, Method method,
                     const grpc::CallbackServerContext& context) {
  const auto parent = ParentOf(context);
  auto span = tracer.Start(NameOf(method), tracing::SpanKind::kServer,
                           parent.has_value() ? &*parent : nullptr);
  if (!span.has_value()) return;
  const char* const service = ServiceOf(method);
  span->name = absl::StrCat(service, "/", NameOf(method));
  span->Set("rpc.system", std::string("grpc"));
  span->Set("rpc.service", std::string(service));
  span->Set("rpc.method", std::string(NameOf(method)));
  span_ = std::make_shared<Recorded>(Recorded{tracer, *std::move(span), {}});
}

void CallSpan::Tell(grpc::CallbackServerContext* context) const {
  if (span_ == nullptr) return;
  const tracing::TraceContext& own = span_->span.context;
  context->AddTrailingMetadata(tracing::kTraceparent,
                               tracing::FormatTraceparent(own));
  if (own.tracestate.empty()) return;
  context->AddTrailingMetadata(tracing::kTracestate, own.tracestate);
}

void CallSpan::Set(const char* key, const std::string& value) const {
  if (span_ != nullptr) span_->span.Set(key, value);
}

void CallSpan::Set(const char* key, int64_t value) const {
  if (span_ != nullptr) span_->span.Set(key, value);
}

void CallSpan::Finish(const absl::Status& status) const {
  tracing::Span& span = span_->span;
  SetFacts(span_->facts, &span);
  span.Set("rpc.grpc.status_code", static_cast<int64_t>(status.code()));
  if (!status.ok()) {
    span.Set("error.type", absl::StatusCodeToString(status.code()));
  }
  span.failed = IsServersFault(status.code());
  span_->tracer.End(std::move(span));
}

}  // namespace attune::server
