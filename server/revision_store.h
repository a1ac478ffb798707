// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REVISION_STORE_H_
#define ATTUNE_SERVER_REVISION_STORE_H_

// The directory that keeps revisions across restarts:
//   <revision id>.attune     an artifact, verified before it got this name
//   incoming/<digest>.part   an unfinished push (upload.h)
//   state.json               the traffic: the activations, the last one active,
//                            canary and shadow
//   audit.jsonl              who changed it (audit_log.h)
//
// Every method blocks on the disk. Thread-compatible: const methods may run
// concurrently; changes must be serialised by the caller.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/revision.h"
#include "server/traffic_rule.h"

namespace attune::server {

struct StoredRevision {
  std::shared_ptr<const policy::Revision> revision;
  // When the server accepted it.
  absl::Time push_time;
};

class RevisionStore {
 public:
  // Makes the directories if need be.
  static absl::StatusOr<RevisionStore> Open(std::string directory);

  // Loads and verifies every revision, oldest first. A file that fails is
  // logged and left alone.
  std::vector<StoredRevision> LoadAll() const;

  // Verifies the artifact at `part_path` and, if it is good, keeps it. If not,
  // nothing is changed: kInvalidArgument says what is wrong with it.
  absl::StatusOr<StoredRevision> Adopt(const std::string& part_path) const;

  // Deletes a stored artifact's file and its receipt.
  absl::Status Remove(const std::string& id) const;

  // Empty if there never was one. kDataLoss if the file is unreadable.
  absl::StatusOr<TrafficState> ReadState() const;
  absl::Status WriteState(const TrafficState& state) const;

  std::string AuditPath() const { return directory_ + "/audit.jsonl"; }

  // Where unfinished pushes are kept.
  std::string IncomingDirectory() const;

 private:
  explicit RevisionStore(std::string directory);

  std::string directory_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REVISION_STORE_H_
