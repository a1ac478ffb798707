// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/policy_service.h"

#include "server/grpc_status.h"
#include "server/parse_request.h"
#include "server/push_reactor.h"

namespace attune::server {
namespace {

absl::Status NotInThisRelease() {
  return absl::UnimplementedError("not in this release");
}

// Ends a stream before it began.
class RefusingReactor final
    : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  explicit RefusingReactor(const absl::Status& status) {
    Finish(ToGrpcStatus(status));
  }
  void OnDone() override { delete this; }
};

}  // namespace

template <typename Request, typename Response>
grpc::ServerUnaryReactor* PolicyService::AnswerLater(
    Context* context, const Bytes* in, Bytes* out, Method method,
    absl::Status (PolicyHandler::*handle)(const Request&, Response*) const) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  worker_.Post([this, reactor, in, out, method, handle] {
    const absl::Status status = AnswerBytes<Request, Response>(
        *in, out, [&](const Request& request, Response* response) {
          return (handler_.*handle)(request, response);
        });
    metrics_.CountRequest(method, status);
    reactor->Finish(ToGrpcStatus(status));
  });
  return reactor;
}

grpc::ServerReadReactor<v1::PushRevisionRequest>* PolicyService::PushRevision(
    Context* context, v1::PushRevisionResponse* response) {
  return new PushReactor(context, response, &handler_, &worker_, &metrics_);
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
                                                        const Bytes*, Bytes*) {
  metrics_.CountRequest(Method::kDeleteRevision, NotInThisRelease());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(NotInThisRelease()));
  return reactor;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* PolicyService::WatchRevisions(
    Context*, const Bytes*) {
  metrics_.CountRequest(Method::kWatchRevisions, NotInThisRelease());
  return new RefusingReactor(NotInThisRelease());
}

}  // namespace attune::server
