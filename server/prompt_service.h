// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PROMPT_SERVICE_H_
#define ATTUNE_SERVER_PROMPT_SERVICE_H_

// The data plane over gRPC: parses, calls PromptHandler or FeedbackHandler, maps
// the status, counts. Thread-safe; borrows what it is given.

#include "attune/v1/prompt_service.grpc.pb.h"
#include "server/feedback.h"
#include "server/metrics.h"
#include "server/prompt_handler.h"

namespace attune::server {

// Unary methods take raw bytes; see parse_request.h.
using PromptServiceBase = v1::PromptService::WithRawCallbackMethod_GetPrompt<
    v1::PromptService::WithRawCallbackMethod_PreviewPrompt<
        v1::PromptService::WithRawCallbackMethod_RecordFeedback<
            v1::PromptService::WithRawCallbackMethod_StreamPrompts<
                v1::PromptService::Service>>>>;

class PromptService final : public PromptServiceBase {
 public:
  PromptService(const PromptHandler* handler, const FeedbackHandler* feedback,
                Metrics* metrics)
      : handler_(*handler), feedback_(*feedback), metrics_(*metrics) {}

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
  const PromptHandler& handler_;
  const FeedbackHandler& feedback_;
  Metrics& metrics_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PROMPT_SERVICE_H_
