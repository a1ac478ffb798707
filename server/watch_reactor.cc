// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/watch_reactor.h"

#include "attune/v1/policy_service.pb.h"
#include "server/convert.h"
#include "server/grpc_status.h"
#include "server/parse_request.h"

namespace attune::server {

WatchReactor::WatchReactor(TrafficFeed* feed, Metrics* metrics,
                           const absl::Status& parsed)
    : feed_(*feed), metrics_(*metrics) {
  const absl::Status status = parsed.ok() ? feed_.Subscribe(this) : parsed;
  if (!status.ok()) End(status);
}

void WatchReactor::OnUpdate(const TrafficUpdate& update) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    waiting_.Push(update);
  }
  Advance();
}

void WatchReactor::OnClose() {
  End(absl::UnavailableError("the server is stopping"));
}

void WatchReactor::OnWriteDone(bool ok) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    writing_ = false;
  }
  if (ok) return Advance();
  End(absl::CancelledError("cancelled"));
}

void WatchReactor::OnCancel() { End(absl::CancelledError("cancelled")); }

void WatchReactor::OnDone() {
  feed_.Unsubscribe(this);
  delete this;
}

void WatchReactor::End(const absl::Status& status) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!end_.has_value()) end_ = status;
  }
  Advance();
}

void WatchReactor::Advance() {
  absl::Status status;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (writing_ || finished_) return;
    if (end_.has_value()) {
      finished_ = true;
      status = *end_;
    } else {
      TrafficUpdate update;
      if (!waiting_.Pop(&update)) return;
      writing_ = true;
      v1::WatchRevisionsResponse response;
      UpdateToProto(update, &response);
      message_.Clear();
      SerializeResponse(response, &message_).IgnoreError();
    }
  }
  // Without our lock: gRPC may call us from here.
  if (status.ok()) return StartWrite(&message_);
  metrics_.CountRequest(Method::kWatchRevisions, status);
  Finish(ToGrpcStatus(status));
}

}  // namespace attune::server
