// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_service.h"

#include <utility>

#include "server/unary.h"

namespace attune::server {

grpc::ServerUnaryReactor* LogService::ListDecisions(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return AnswerOnWorker<v1::ListDecisionsRequest, v1::ListDecisionsResponse>(
      context, request, response, Method::kListDecisions, &worker_, &metrics_,
      CallSpan(), [this](const auto& in, auto* out) {
        return handler_.ListDecisions(in, out);
      });
}

grpc::ServerUnaryReactor* LogService::ForgetUser(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  return AnswerWhenDone<v1::ForgetUserRequest>(
      context->DefaultReactor(), request, response, Method::kForgetUser,
      &metrics_, CallSpan(), [this](const auto& in, auto done) {
        handler_.ForgetUser(in, std::move(done));
      });
}

}  // namespace attune::server
