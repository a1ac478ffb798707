// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_AUDIT_LOG_H_
#define ATTUNE_SERVER_AUDIT_LOG_H_

// Who changed the traffic, what, when and why: an append-only file of JSON
// lines, each with the SHA-256 of the line before it, so that a line that was
// changed or taken out shows.
//
// A change is written here, and synced, before it takes effect: what happened is
// never missing. If the server is killed in between, or the state cannot be
// written, a later line says that the change did not take effect. A line that a
// crash cut short stays as it is; the next one begins on a line of its own. The
// file is never trimmed (about 500 bytes a change); moving it away starts
// another.
//
// Life cycle: Open() once, Append() for each change. Not thread-safe; the
// registry serialises.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/traffic_rule.h"

namespace attune::server {

// Who orders a change and why.
struct ChangeNote {
  // Where the order came from: a peer (peer_identity.h), "guardrails" or
  // "server".
  std::string who = "server";
  // In the words of who orders it.
  std::string reason = {};
};

// One line.
struct AuditEntry {
  absl::Time time;
  // Of the traffic after the change.
  int64_t sequence = 0;
  // "set_traffic", "push", "rollback", "guardrail_rollback", "delete",
  // "restart", "not_applied"; with servers that share a store
  // "guardrail_suspension" (ended here, and not yet for the others), and what the
  // others did.
  std::string action;
  ChangeNote note = {};
  TrafficPlan before = {};
  TrafficPlan after = {};
  // What the action is about, if it is not in the plans.
  std::string revision = {};
};

class AuditLog {
 public:
  // Reads where the file ends; there may be none. Fails if it cannot be read.
  static absl::StatusOr<AuditLog> Open(std::string path);

  // Once it is OK, the line is on disk. Blocks.
  absl::Status Append(const AuditEntry& entry);

  // Sequence of the last line that announced a change; 0 if there is none. More
  // than the state's: that change did not take effect.
  int64_t announced() const { return announced_; }

 private:
  explicit AuditLog(std::string path) : path_(std::move(path)) {}
  absl::Status ReadEnd();

  std::string path_;
  std::string last_digest_;
  int64_t announced_ = 0;
  bool ends_in_line_break_ = true;
  // After an error: the next line must follow from what the file holds then.
  bool may_hold_more_ = false;
};

// kDataLoss names the first line whose digest of the line before is not that
// line's. Lines that are no JSON (a crash cut them short) are passed over.
absl::Status VerifyAuditLog(std::string_view bytes);

// The last `most` lines of the file that are entries, newest first; none if it
// cannot be read. May be called while a log appends to it. Blocks.
std::vector<std::string> ReadLastEntries(const std::string& path, size_t most);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_AUDIT_LOG_H_
