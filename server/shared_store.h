// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_SHARED_STORE_H_
#define ATTUNE_SERVER_SHARED_STORE_H_

// What several servers share of revisions and traffic, as the registry sees it:
// the two things that a change needs of it before the change is made here. What
// others changed comes the other way (follower.h).
//
// Implementations are thread-safe and block: Publish() as long as the artifact
// takes, the others for a few seconds at most, and not for a Publish() under way.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/audit_log.h"
#include "server/revision_store.h"
#include "server/traffic_rule.h"

namespace attune::server {

// A change of the traffic as all servers learn of it.
struct SharedTraffic {
  TrafficState state;
  // As in AuditEntry.
  std::string action = {};
  ChangeNote note = {};
  // The server that was ordered to.
  std::string replica = {};
};

// 0 if there is none.
inline int64_t SequenceOf(const std::optional<SharedTraffic>& traffic) {
  return traffic.has_value() ? traffic->state.sequence : 0;
}

class SharedStore {
 public:
  virtual ~SharedStore() = default;

  // Once it is OK, the others find the revision, whose artifact is the file.
  virtual absl::Status Publish(const StoredRevision& revision,
                               const std::string& path) = 0;

  // Makes a change the traffic of all, if the traffic still is the one with the
  // sequence `before`. `needed` must have been published; `deleted`, if not null,
  // is withdrawn with the change. kAborted (TRAFFIC_CHANGED) if another change
  // came first; kUnavailable and others: it cannot be told whether the change was
  // made, and whoever follows finds out.
  virtual absl::Status Exchange(int64_t before, const SharedTraffic& change,
                                const std::vector<std::string>& needed,
                                const StoredRevision* deleted) = 0;

  // OK if the traffic is the one with this sequence; the errors of Exchange.
  virtual absl::Status Confirm(int64_t sequence) = 0;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_SHARED_STORE_H_
