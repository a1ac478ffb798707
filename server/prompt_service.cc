// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/prompt_service.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/call_time.h"
#include "server/grpc_status.h"
#include "server/leased_reactor.h"
#include "server/parse_request.h"
#include "server/peer_identity.h"
#include "server/prompt_stream.h"
#include "server/unary.h"

namespace attune::server {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

PromptService::Begun PromptService::Begin(
    grpc::CallbackServerContext* context) {
  if (!quota_.limited()) return {context->DefaultReactor(), absl::OkStatus()};
  auto lease =
      quota_.Enter(PeerIdentity(*context->auth_context(), context->peer()), 1);
  if (!lease.ok()) return {context->DefaultReactor(), lease.status()};
  return {new LeasedReactor(*std::move(lease)), absl::OkStatus()};
}

grpc::ServerUnaryReactor* PromptService::GetPrompt(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  auto [reactor, admitted] = Begin(context);
  const CallSpan span(tracer_, context, Method::kGetPrompt);
  if (admitted.ok()) admitted = admission_.Enter(1, TimeLeft(*context));
  if (!admitted.ok()) {
    Refuse(context, Method::kGetPrompt, admitted, span, reactor);
  } else if (admission_.IsQuick()) {
    Answer(context, *request, response, span, reactor);
  } else {
    lane_.Post([=, this, reactor = reactor] {
      Answer(context, *request, response, span, reactor);
    });
  }
  return reactor;
}

void PromptService::Answer(grpc::CallbackServerContext* context,
                           const grpc::ByteBuffer& request,
                           grpc::ByteBuffer* response, const CallSpan& span,
                           grpc::ServerUnaryReactor* reactor) {
  // Nobody waits any more: what is left of the queue is for those who do.
  if (context->IsCancelled()) {
    admission_.Leave(1, std::chrono::nanoseconds(0));
    return Refuse(context, Method::kGetPrompt,
                  absl::CancelledError("cancelled"), span, reactor);
  }
  thread_local std::string scratch;
  thread_local std::string out;
  const Clock::time_point start = Clock::now();
  out.clear();
  const absl::Status status =
      handler_.Answer(Flatten(request, &scratch), &out, span.facts());
  if (status.ok()) FillBuffer(out, response);
  const Clock::duration spent = Clock::now() - start;
  admission_.Leave(1, spent);
  metrics_.ObserveGetPrompt(spent);
  metrics_.CountRequest(Method::kGetPrompt, status);
  span.End(status);
  reactor->Finish(ToGrpcStatus(status));
}

void PromptService::Refuse(grpc::CallbackServerContext* context, Method method,
                           const absl::Status& status, const CallSpan& span,
                           grpc::ServerUnaryReactor* reactor) {
  if (absl::IsResourceExhausted(status)) {
    // gRFC A6: when a client may try again.
    context->AddTrailingMetadata(
        "grpc-retry-pushback-ms",
        absl::StrCat(absl::ToInt64Milliseconds(admission_.RetryAfter())));
  }
  metrics_.CountRequest(method, status);
  span.End(status);
  reactor->Finish(ToGrpcStatus(status));
}

grpc::ServerUnaryReactor* PromptService::PreviewPrompt(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  const auto [reactor, admitted] = Begin(context);
  if (!admitted.ok()) {
    Refuse(context, Method::kPreviewPrompt, admitted, CallSpan(), reactor);
    return reactor;
  }
  const absl::Status status =
      AnswerBytes<v1::PreviewPromptRequest, v1::PreviewPromptResponse>(
          *request, response, [this](auto& in, auto* out) {
            return handler_.PreviewPrompt(in, out);
          });
  metrics_.CountRequest(Method::kPreviewPrompt, status);
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

grpc::ServerUnaryReactor* PromptService::RecordFeedback(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  const auto [reactor, admitted] = Begin(context);
  const CallSpan span(tracer_, context, Method::kRecordFeedback);
  if (!admitted.ok()) {
    Refuse(context, Method::kRecordFeedback, admitted, span, reactor);
    return reactor;
  }
  // Answered on the log's thread, once the feedback is on disk.
  return AnswerWhenDone<v1::RecordFeedbackRequest>(
      reactor, request, response, Method::kRecordFeedback, &metrics_, span,
      [this, &span](const auto& in, auto done) {
        feedback_.RecordFeedback(
            in, [span, done = std::move(done)](auto answer) {
              if (answer.ok()) {
                span.Set("attune.decision_id", answer->decision_id());
              }
              done(std::move(answer));
            });
      });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
PromptService::StreamPrompts(grpc::CallbackServerContext* context) {
  return new PromptStream(context, &handler_, &admission_, &quota_, &lane_,
                          &metrics_, tracer_);
}

}  // namespace attune::server
