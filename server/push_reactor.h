// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PUSH_REACTOR_H_
#define ATTUNE_SERVER_PUSH_REACTOR_H_

// One PushRevision call: reads messages, hands each to the worker, finishes.
// Deletes itself when gRPC is done with it.
//
// There is always exactly one read or one task of the worker under way. A
// cancelled call fails the read, so that it always finishes; its part file
// stays.

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <optional>

#include "absl/status/status.h"
#include "attune/v1/policy_service.pb.h"
#include "server/call_span.h"
#include "server/metrics.h"
#include "server/policy_handler.h"
#include "server/worker.h"

namespace attune::server {

class PushReactor final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  // Everything must outlive the call; `tracer` may be null.
  PushReactor(grpc::CallbackServerContext* context, grpc::ByteBuffer* response,
              const PolicyHandler* handler, Worker* worker, Metrics* metrics,
              const tracing::Tracer* tracer);

  void OnReadDone(bool ok) override;
  void OnDone() override;

 private:
  absl::Status ReadMessage();
  absl::Status WriteResponse();
  void HandleMessage();
  void HandleEnd();
  void End(const absl::Status& status);

  grpc::CallbackServerContext& context_;
  grpc::ByteBuffer& response_;
  Worker& worker_;
  Metrics& metrics_;
  const CallSpan span_;
  // Empty once the stream has its status.
  std::optional<PushSession> session_;
  grpc::ByteBuffer bytes_;
  v1::PushRevisionRequest message_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PUSH_REACTOR_H_
