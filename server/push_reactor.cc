// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/push_reactor.h"

#include <grpcpp/server_context.h>

#include <utility>

#include "server/grpc_status.h"
#include "server/log.h"
#include "server/peer_identity.h"

namespace attune::server {

PushReactor::PushReactor(grpc::CallbackServerContext* context,
                         v1::PushRevisionResponse* response,
                         const PolicyHandler* handler, Worker* worker,
                         Metrics* metrics)
    : context_(*context),
      response_(*response),
      worker_(*worker),
      metrics_(*metrics),
      session_(std::in_place, handler,
               PeerIdentity(*context->auth_context(), context->peer())) {
  StartRead(&message_);
}

void PushReactor::OnReadDone(bool ok) {
  worker_.Post([this, ok] { ok ? HandleMessage() : HandleEnd(); });
}

void PushReactor::OnDone() { delete this; }

void PushReactor::HandleMessage() {
  const absl::Status status = session_->OnMessage(message_);
  if (!status.ok()) return End(status);
  if (session_->is_answered()) return HandleEnd();
  StartRead(&message_);
}

void PushReactor::HandleEnd() {
  if (context_.IsCancelled()) return End(absl::CancelledError("cancelled"));
  End(session_->OnEnd(&response_));
}

void PushReactor::End(const absl::Status& status) {
  metrics_.CountRequest(Method::kPushRevision, status);
  if (!status.ok()) {
    Log(LogLevel::kWarning, "push failed", {{"error", status.ToString()}});
  }
  // Who knows how the push ended may go on with it at once.
  session_.reset();
  Finish(ToGrpcStatus(status));
}

}  // namespace attune::server
