// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_POLICY_HANDLER_H_
#define ATTUNE_SERVER_POLICY_HANDLER_H_

// What the control plane does, without gRPC. Blocks on the disk, so it runs on
// a Worker.
//
// Borrows the registry, the uploads, the pace and the metrics; they must outlive it. The
// methods return the errors of the RPCs of the same names
// (policy_service.proto). PolicyHandler is thread-safe; a PushSession is owned
// by one stream.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "attune/v1/policy_service.pb.h"
#include "server/metrics.h"
#include "server/pace.h"
#include "server/revision_registry.h"
#include "server/signature_gate.h"
#include "server/upload.h"

namespace attune::server {

inline constexpr int kMaxChunkBytes = 1 << 20;
inline constexpr int kDefaultPageSize = 50;
inline constexpr int kMaxPageSize = 1000;
inline constexpr int kMaxReasonBytes = 256;

class PolicyHandler {
 public:
  // `pace` is that of what arrives.
  PolicyHandler(RevisionRegistry* registry, UploadArea* uploads, Pace* pace,
                Metrics* metrics);

  absl::Status GetPushOffset(const v1::GetPushOffsetRequest& request,
                             v1::GetPushOffsetResponse* response) const;
  absl::Status ListRevisions(const v1::ListRevisionsRequest& request,
                             v1::ListRevisionsResponse* response) const;
  absl::Status GetRevision(const v1::GetRevisionRequest& request,
                           v1::GetRevisionResponse* response) const;

  // Changes; `who` orders them.
  absl::Status SetTraffic(const v1::SetTrafficRequest& request,
                          const std::string& who,
                          v1::SetTrafficResponse* response) const;
  absl::Status Rollback(const v1::RollbackRequest& request,
                        const std::string& who,
                        v1::RollbackResponse* response) const;
  absl::Status DeleteRevision(const v1::DeleteRevisionRequest& request,
                              const std::string& who,
                              v1::DeleteRevisionResponse* response) const;

  // What WatchRevisions tells.
  TrafficFeed& feed() const { return registry_.feed(); }

 private:
  friend class PushSession;
  // Logs and counts a change of the traffic.
  absl::Status Told(const char* what, const absl::Status& status) const;

  RevisionRegistry& registry_;
  UploadArea& uploads_;
  Pace& pace_;
  Metrics& metrics_;
};

// One PushRevision stream: OnMessage() for each message until it fails or
// is_answered(), then OnEnd(). Both block as long as the pace says. Dropping it
// keeps what arrived.
class PushSession {
 public:
  // `who` pushes; `is_cancelled` says whether they have given up.
  PushSession(const PolicyHandler* handler, std::string who,
              std::function<bool()> is_cancelled)
      : handler_(*handler),
        who_(std::move(who)),
        is_cancelled_(std::move(is_cancelled)),
        progress_([this](int64_t bytes) { handler_.pace_.Spend(bytes); }) {}
  PushSession(const PushSession&) = delete;
  PushSession& operator=(const PushSession&) = delete;

  absl::Status OnMessage(const v1::PushRevisionRequest& message);
  // True if the answer is known before the stream ends: we have the revision.
  bool is_answered() const { return !stored_id_.empty(); }
  absl::Status OnEnd(v1::PushRevisionResponse* response);

 private:
  absl::Status OnHeader(const v1::PushRevisionHeader& header);

  const PolicyHandler& handler_;
  const std::string who_;
  const std::function<bool()> is_cancelled_;
  const policy::DigestProgress progress_;
  std::unique_ptr<Upload> upload_;
  PushClaims claims_;
  std::string stored_id_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_POLICY_HANDLER_H_
