// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/prompt_service.h"

#include <chrono>

#include "server/grpc_status.h"
#include "server/parse_request.h"

namespace attune::server {
namespace {

using Clock = std::chrono::steady_clock;

absl::Status NotInThisRelease() {
  return absl::UnimplementedError("not in this release");
}

grpc::ServerUnaryReactor* Finish(grpc::CallbackServerContext* context,
                                 const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

// Ends a stream before it began.
class RefusingReactor final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit RefusingReactor(const absl::Status& status) {
    Finish(ToGrpcStatus(status));
  }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerUnaryReactor* PromptService::GetPrompt(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  const Clock::time_point start = Clock::now();
  const absl::Status status =
      AnswerBytes<v1::GetPromptRequest, v1::GetPromptResponse>(
          *request, response,
          [this](auto& in, auto* out) { return handler_.GetPrompt(in, out); });
  metrics_.ObserveGetPrompt(Clock::now() - start);
  metrics_.CountRequest(Method::kGetPrompt, status);
  return Finish(context, status);
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
    grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
    grpc::ByteBuffer*) {
  metrics_.CountRequest(Method::kRecordFeedback, NotInThisRelease());
  return Finish(context, NotInThisRelease());
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
PromptService::StreamPrompts(grpc::CallbackServerContext*) {
  metrics_.CountRequest(Method::kStreamPrompts, NotInThisRelease());
  return new RefusingReactor(NotInThisRelease());
}

}  // namespace attune::server
