// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REVISION_STORE_H_
#define ATTUNE_SERVER_REVISION_STORE_H_

// The directory that keeps revisions across restarts:
//   <revision id>.attune     an artifact, verified before it got this name
//   incoming/<digest>.part   an unfinished push (upload.h)
//   state.json               the activations, the last one active
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
#include "server/activation_rule.h"

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

  // Empty if there never were any. kDataLoss if the file is unreadable.
  absl::StatusOr<Activations> ReadActivations() const;
  absl::Status WriteActivations(const Activations& activations) const;

  // Where unfinished pushes are kept.
  std::string IncomingDirectory() const;

 private:
  explicit RevisionStore(std::string directory);

  std::string directory_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REVISION_STORE_H_
