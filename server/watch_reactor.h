// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_WATCH_REACTOR_H_
#define ATTUNE_SERVER_WATCH_REACTOR_H_

// One WatchRevisions call: sends the traffic and each change of it until the
// caller cancels or the feed closes. Deletes itself when gRPC is done with it.
//
// One write is under way at most; what comes meanwhile waits in a bounded queue.

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <mutex>
#include <optional>

#include "absl/status/status.h"
#include "server/metrics.h"
#include "server/traffic_feed.h"

namespace attune::server {

inline constexpr size_t kMaxWaitingUpdates = 64;

class WatchReactor final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                           public TrafficFeed::Subscriber {
 public:
  // Both must outlive the call. A call whose request could not be read ends
  // with `parsed`.
  WatchReactor(TrafficFeed* feed, Metrics* metrics, const absl::Status& parsed);

  void OnUpdate(const TrafficUpdate& update) override;
  void OnClose() override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // Does the next thing if nothing is under way.
  void Advance();
  void End(const absl::Status& status);

  TrafficFeed& feed_;
  Metrics& metrics_;

  std::mutex mutex_;
  UpdateQueue waiting_{kMaxWaitingUpdates};  // guarded by mutex_
  bool writing_ = false;                     // guarded by mutex_
  bool finished_ = false;                    // guarded by mutex_
  std::optional<absl::Status> end_;          // guarded by mutex_
  // Of the write that is under way.
  grpc::ByteBuffer message_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_WATCH_REACTOR_H_
