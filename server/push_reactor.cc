// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/push_reactor.h"

#include <grpcpp/server_context.h>

#include <utility>

#include "policy/status_macros.h"
#include "server/grpc_status.h"
#include "server/log.h"
#include "server/parse_request.h"
#include "server/peer_identity.h"

namespace attune::server {

PushReactor::PushReactor(grpc::CallbackServerContext* context,
                         grpc::ByteBuffer* response,
                         const PolicyHandler* handler, Worker* worker,
                         Metrics* metrics, const tracing::Tracer* tracer)
    : context_(*context),
      response_(*response),
      worker_(*worker),
      metrics_(*metrics),
      span_(tracer, context, Method::kPushRevision),
      session_(std::in_place, handler,
               PeerIdentity(*context->auth_context(), context->peer()),
               [context] { return context->IsCancelled(); }) {
  StartRead(&bytes_);
}

void PushReactor::OnReadDone(bool ok) {
  worker_.Post([this, ok] { ok ? HandleMessage() : HandleEnd(); });
}

void PushReactor::OnDone() { delete this; }

absl::Status PushReactor::ReadMessage() {
  ATTUNE_RETURN_IF_ERROR(ParseRequest(bytes_, &message_));
  return session_->OnMessage(message_);
}

absl::Status PushReactor::WriteResponse() {
  v1::PushRevisionResponse response;
  ATTUNE_RETURN_IF_ERROR(session_->OnEnd(&response));
  span_.Set("attune.revision", response.revision().revision_id());
  span_.Set("attune.revision_bytes", response.revision().byte_size());
  return SerializeResponse(response, &response_);
}

void PushReactor::HandleMessage() {
  const absl::Status status = ReadMessage();
  if (!status.ok()) return End(status);
  if (session_->is_answered()) return HandleEnd();
  StartRead(&bytes_);
}

void PushReactor::HandleEnd() {
  if (context_.IsCancelled()) return End(absl::CancelledError("cancelled"));
  End(WriteResponse());
}

void PushReactor::End(const absl::Status& status) {
  metrics_.CountRequest(Method::kPushRevision, status);
  span_.End(status);
  if (!status.ok()) {
    Log(LogLevel::kWarning, "push failed", {{"error", status.ToString()}});
  }
  // Who knows how the push ended may go on with it at once.
  session_.reset();
  Finish(ToGrpcStatus(status));
}

}  // namespace attune::server
