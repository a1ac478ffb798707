// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PROMPT_SERVICE_H_
#define ATTUNE_SERVER_PROMPT_SERVICE_H_

// The data plane over gRPC: admits, calls PromptHandler or FeedbackHandler,
// maps the status, counts.
//
// Quick calls are answered by the gRPC thread that received them; while calls
// take long (Admission::kQuick), by the threads of a lane, so that refusals,
// health checks and the other methods do not wait behind them. Thread-safe;
// borrows the handlers, the quota and the metrics; must outlive the calls.

#include "attune/v1/prompt_service.grpc.pb.h"
#include "server/admission.h"
#include "server/call_span.h"
#include "server/caller_quota.h"
#include "server/feedback.h"
#include "server/metrics.h"
#include "server/prompt_handler.h"
#include "server/worker.h"
#include "tracing/tracer.h"

namespace attune::server {

// Unary methods take raw bytes; see parse_request.h.
using PromptServiceBase = v1::PromptService::WithRawCallbackMethod_GetPrompt<
    v1::PromptService::WithRawCallbackMethod_PreviewPrompt<
        v1::PromptService::WithRawCallbackMethod_RecordFeedback<
            v1::PromptService::WithRawCallbackMethod_StreamPrompts<
                v1::PromptService::Service>>>>;

class PromptService final : public PromptServiceBase {
 public:
  // `tracer` is null without tracing.
  PromptService(const PromptHandler* handler, const FeedbackHandler* feedback,
                CallerQuota* quota, Metrics* metrics,
                const tracing::Tracer* tracer,
                const Admission::Options& admission)
      : handler_(*handler),
        feedback_(*feedback),
        quota_(*quota),
        metrics_(*metrics),
        tracer_(tracer),
        admission_(admission),
        lane_(admission.threads) {}

  grpc::ServerUnaryReactor* GetPrompt(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* PreviewPrompt(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* RecordFeedback(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamPrompts(
      grpc::CallbackServerContext* context) override;

 private:
  struct Begun {
    grpc::ServerUnaryReactor* reactor;
    // Of the caller's quota.
    absl::Status admitted;
  };
  Begun Begin(grpc::CallbackServerContext* context);
  // Answers an admitted GetPrompt.
  void Answer(grpc::CallbackServerContext* context,
              const grpc::ByteBuffer& request, grpc::ByteBuffer* response,
              const CallSpan& span, grpc::ServerUnaryReactor* reactor);
  void Refuse(grpc::CallbackServerContext* context, Method method,
              const absl::Status& status, const CallSpan& span,
              grpc::ServerUnaryReactor* reactor);

  const PromptHandler& handler_;
  const FeedbackHandler& feedback_;
  CallerQuota& quota_;
  Metrics& metrics_;
  const tracing::Tracer* const tracer_;
  Admission admission_;
  // Ends before the members above: its tasks use them.
  Worker lane_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PROMPT_SERVICE_H_
