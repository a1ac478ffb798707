// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/prompt_service.h"

#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/call_time.h"
#include "server/grpc_status.h"
#include "server/parse_request.h"
#include "server/prompt_stream.h"
#include "server/unary.h"

namespace attune::server {
namespace {

using Clock = std::chrono::steady_clock;

grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context,
                                 const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* PromptService::GetPrompt(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status admitted = admission_.Enter(1, TimeLeft(*context));
  if (!admitted.ok()) {
    Refuse(context, admitted, reactor);
  } else if (admission_.IsQuick()) {
    Answer(context, *request, response, reactor);
  } else {
    lane_.Post([=, this] { Answer(context, *request, response, reactor); });
  }
  return reactor;
}

void PromptService::Answer(grpc::CallbackServerContext* context,
                           const grpc::ByteBuffer& request,
                           grpc::ByteBuffer* response,
                           grpc::ServerUnaryReactor* reactor) {
  // Nobody waits any more: what is left of the queue is for those who do.
  if (context->IsCancelled()) {
    admission_.Leave(1, std::chrono::nanoseconds(0));
    return Refuse(context, absl::CancelledError("cancelled"), reactor);
  }
  thread_local std::string scratch;
  thread_local std::string out;
  const Clock::time_point start = Clock::now();
  out.clear();
  const absl::Status status = handler_.Answer(Flatten(request, &scratch), &out);
  if (status.ok()) FillBuffer(out, response);
  const Clock::duration spent = Clock::now() - start;
  admission_.Leave(1, spent);
  metrics_.ObserveGetPrompt(spent);
  metrics_.CountRequest(Method::kGetPrompt, status);
  reactor->Finish(ToGrpcStatus(status));
}

void PromptService::Refuse(grpc::CallbackServerContext* context,
                           const absl::Status& status,
                           grpc::ServerUnaryReactor* reactor) {
  if (absl::IsResourceExhausted(status)) {
    // gRFC A6: when a client may try again.
    context->AddTrailingMetadata(
        "grpc-retry-pushback-ms",
        absl::StrCat(absl::ToInt64Milliseconds(admission_.RetryAfter())));
  }
  metrics_.CountRequest(Method::kGetPrompt, status);
  reactor->Finish(ToGrpcStatus(status));
}

grpc::ServerUnaryReactor* PromptService::PreviewPrompt(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  const absl::Status status =
      AnswerBytes<v1::PreviewPromptRequest, v1::PreviewPromptResponse>(
          *request, response, [this](auto& in, auto* out) {
            return handler_.PreviewPrompt(in, out);
          });
  metrics_.CountRequest(Method::kPreviewPrompt, status);
  return Finish(context, status);
}

grpc::ServerUnaryReactor* PromptService::RecordFeedback(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  // Answered on the log's thread, once the feedback is on disk.
  return AnswerWhenDone<v1::RecordFeedbackRequest>(
      context, request, response, Method::kRecordFeedback, &metrics_,
      [this](const auto& in, auto done) {
        feedback_.RecordFeedback(in, std::move(done));
      });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
PromptService::StreamPrompts(grpc::CallbackServerContext* context) {
  return new PromptStream(context, &handler_, &admission_, &lane_, &metrics_);
}

}  // namespace attune::server
