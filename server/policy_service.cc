// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/policy_service.h"

#include <string>

#include "server/parse_request.h"
#include "server/peer_identity.h"
#include "server/push_reactor.h"
#include "server/unary.h"
#include "server/watch_reactor.h"

namespace attune::server {

template <typename Request, typename Response>
grpc::ServerUnaryReactor* PolicyService::AnswerLater(
    Context* context, const Bytes* in, Bytes* out, Method method,
    absl::Status (PolicyHandler::*handle)(const Request&, Response*) const) {
  return AnswerOnWorker<Request, Response>(
      context, in, out, method, &worker_, &metrics_,
      CallSpan(tracer_, context, method),
      [this, handle](const Request& request, Response* response) {
        return (handler_.*handle)(request, response);
      });
}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* PolicyService::AnswerLater(
    Context* context, const Bytes* in, Bytes* out, Method method,
    absl::Status (PolicyHandler::*handle)(const Request&, const std::string&,
                                          Response*) const) {
  return AnswerOnWorker<Request, Response>(
      context, in, out, method, &worker_, &metrics_,
      CallSpan(tracer_, context, method),
      [this, handle,
       who = PeerIdentity(*context->auth_context(), context->peer())](
          const Request& request, Response* response) {
        return (handler_.*handle)(request, who, response);
      });
}

grpc::ServerReadReactor<grpc::ByteBuffer>* PolicyService::PushRevision(
    Context* context, grpc::ByteBuffer* response) {
  return new PushReactor(context, response, &handler_, &push_worker_, &metrics_,
                         tracer_);
}

grpc::ServerUnaryReactor* PolicyService::GetPushOffset(Context* context,
                                                       const Bytes* in,
                                                       Bytes* out) {
  return AnswerLater(context, in, out, Method::kGetPushOffset,
                     &PolicyHandler::GetPushOffset);
}

grpc::ServerUnaryReactor* PolicyService::ListRevisions(Context* context,
                                                       const Bytes* in,
                                                       Bytes* out) {
  return AnswerLater(context, in, out, Method::kListRevisions,
                     &PolicyHandler::ListRevisions);
}

grpc::ServerUnaryReactor* PolicyService::GetRevision(Context* context,
                                                     const Bytes* in,
                                                     Bytes* out) {
  return AnswerLater(context, in, out, Method::kGetRevision,
                     &PolicyHandler::GetRevision);
}

grpc::ServerUnaryReactor* PolicyService::SetTraffic(Context* context,
                                                    const Bytes* in,
                                                    Bytes* out) {
  return AnswerLater(context, in, out, Method::kSetTraffic,
                     &PolicyHandler::SetTraffic);
}

grpc::ServerUnaryReactor* PolicyService::Rollback(Context* context,
                                                  const Bytes* in, Bytes* out) {
  return AnswerLater(context, in, out, Method::kRollback,
                     &PolicyHandler::Rollback);
}

grpc::ServerUnaryReactor* PolicyService::DeleteRevision(Context* context,
                                                        const Bytes* in,
                                                        Bytes* out) {
  return AnswerLater(context, in, out, Method::kDeleteRevision,
                     &PolicyHandler::DeleteRevision);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* PolicyService::WatchRevisions(
    Context*, const Bytes* in) {
  v1::WatchRevisionsRequest request;
  return new WatchReactor(&handler_.feed(), &metrics_,
                          ParseRequest(*in, &request));
}

}  // namespace attune::server
