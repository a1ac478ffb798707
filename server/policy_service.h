// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_POLICY_SERVICE_H_
#define ATTUNE_SERVER_POLICY_SERVICE_H_

// The control plane over gRPC: every call runs on a worker, which calls
// PolicyHandler, maps the status and counts; pushes, which take their time, on one
// of their own. WatchRevisions only reads what the registry publishes. Thread-safe;
// borrows what it is given.

#include <string>

#include "attune/v1/policy_service.grpc.pb.h"
#include "server/metrics.h"
#include "server/policy_handler.h"
#include "server/worker.h"
#include "tracing/tracer.h"

namespace attune::server {

// All methods take raw bytes; see parse_request.h.
using PolicyServiceBase = v1::PolicyService::WithRawCallbackMethod_PushRevision<
    v1::PolicyService::WithRawCallbackMethod_GetPushOffset<
        v1::PolicyService::WithRawCallbackMethod_ListRevisions<
            v1::PolicyService::WithRawCallbackMethod_GetRevision<
                v1::PolicyService::WithRawCallbackMethod_SetTraffic<
                    v1::PolicyService::WithRawCallbackMethod_Rollback<
                        v1::PolicyService::WithRawCallbackMethod_DeleteRevision<
                            v1::PolicyService::
                                WithRawCallbackMethod_WatchRevisions<
                                    v1::PolicyService::Service>>>>>>>>;

class PolicyService final : public PolicyServiceBase {
 public:
  // `tracer` is null without tracing.
  PolicyService(const PolicyHandler* handler, Worker* worker,
                Worker* push_worker, Metrics* metrics,
                const tracing::Tracer* tracer)
      : handler_(*handler),
        worker_(*worker),
        push_worker_(*push_worker),
        metrics_(*metrics),
        tracer_(tracer) {}

  using Context = grpc::CallbackServerContext;
  using Bytes = grpc::ByteBuffer;

  grpc::ServerReadReactor<grpc::ByteBuffer>* PushRevision(
      Context* context, grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetPushOffset(Context* context, const Bytes* in,
                                          Bytes* out) override;
  grpc::ServerUnaryReactor* ListRevisions(Context* context, const Bytes* in,
                                          Bytes* out) override;
  grpc::ServerUnaryReactor* GetRevision(Context* context, const Bytes* in,
                                        Bytes* out) override;
  grpc::ServerUnaryReactor* SetTraffic(Context* context, const Bytes* in,
                                       Bytes* out) override;
  grpc::ServerUnaryReactor* Rollback(Context* context, const Bytes* in,
                                     Bytes* out) override;
  grpc::ServerUnaryReactor* DeleteRevision(Context* context, const Bytes* in,
                                           Bytes* out) override;
  grpc::ServerWriteReactor<Bytes>* WatchRevisions(Context* context,
                                                  const Bytes* in) override;

 private:
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* AnswerLater(
      Context* context, const Bytes* in, Bytes* out, Method method,
      absl::Status (PolicyHandler::*handle)(const Request&, Response*) const);
  // The same for a change: with who orders it.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* AnswerLater(
      Context* context, const Bytes* in, Bytes* out, Method method,
      absl::Status (PolicyHandler::*handle)(const Request&, const std::string&,
                                            Response*) const);

  const PolicyHandler& handler_;
  Worker& worker_;
  Worker& push_worker_;
  Metrics& metrics_;
  const tracing::Tracer* const tracer_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_POLICY_SERVICE_H_
