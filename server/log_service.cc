// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_service.h"

#include "server/grpc_status.h"
#include "server/parse_request.h"

namespace attune::server {

grpc::ServerUnaryReactor* LogService::ListDecisions(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  worker_.Post([this, reactor, request, response] {
    const absl::Status status =
        AnswerBytes<v1::ListDecisionsRequest, v1::ListDecisionsResponse>(
            *request, response, [this](const auto& in, auto* out) {
              return handler_.ListDecisions(in, out);
            });
    metrics_.CountRequest(Method::kListDecisions, status);
    reactor->Finish(ToGrpcStatus(status));
  });
  return reactor;
}

grpc::ServerUnaryReactor* LogService::ForgetUser(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto finish = [this, reactor](const absl::Status& status) {
    metrics_.CountRequest(Method::kForgetUser, status);
    reactor->Finish(ToGrpcStatus(status));
  };
  v1::ForgetUserRequest parsed;
  const absl::Status status = ParseRequest(*request, &parsed);
  if (!status.ok()) {
    finish(status);
    return reactor;
  }
  handler_.ForgetUser(parsed, [finish, response](const auto& erased) {
    finish(erased.ok() ? SerializeResponse(*erased, response)
                       : erased.status());
  });
  return reactor;
}

}  // namespace attune::server
