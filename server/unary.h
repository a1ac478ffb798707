// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_UNARY_H_
#define ATTUNE_SERVER_UNARY_H_

// Unary calls that are answered on another thread than gRPC's, and counted when
// they are. gRPC keeps `in` and `out` until the reactor has finished; `worker`
// and `metrics` must outlive the call. Safe to call from any thread.
//
// Example:
//   return AnswerOnWorker<v1::ListDecisionsRequest, v1::ListDecisionsResponse>(
//       context, in, out, Method::kListDecisions, &worker, &metrics, CallSpan(),
//       [this](const auto& request, auto* response) { ... });

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <utility>

#include "absl/status/status.h"
#include "server/call_span.h"
#include "server/grpc_status.h"
#include "server/metrics.h"
#include "server/parse_request.h"
#include "server/worker.h"

namespace attune::server {

// Answers with what `handle(request, response)` does on the worker's thread.
template <typename Request, typename Response, typename Handle>
grpc::ServerUnaryReactor* AnswerOnWorker(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out, Method method,
                                         Worker* worker, Metrics* metrics,
                                         const CallSpan& span, Handle handle) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  worker->Post([=, handle = std::move(handle)] {
    const absl::Status status =
        AnswerBytes<Request, Response>(*in, out, handle);
    span.End(status);
    metrics->CountRequest(method, status);
    reactor->Finish(ToGrpcStatus(status));
  });
  return reactor;
}

// Calls `start(request, done)` at once, and answers when `done` is called, with
// an absl::StatusOr of the response, on whatever thread.
template <typename Request, typename Start>
grpc::ServerUnaryReactor* AnswerWhenDone(grpc::ServerUnaryReactor* reactor,
                                         const grpc::ByteBuffer* in,
                                         grpc::ByteBuffer* out, Method method,
                                         Metrics* metrics, const CallSpan& span,
                                         const Start& start) {
  const auto finish = [=](const absl::Status& status) {
    span.End(status);
    metrics->CountRequest(method, status);
    reactor->Finish(ToGrpcStatus(status));
  };
  Request request;
  const absl::Status status = ParseRequest(*in, &request);
  if (!status.ok()) {
    finish(status);
    return reactor;
  }
  start(request, [finish, out](const auto& answer) {
    finish(answer.ok() ? SerializeResponse(*answer, out) : answer.status());
  });
  return reactor;
}

}  // namespace attune::server

#endif  // ATTUNE_SERVER_UNARY_H_
