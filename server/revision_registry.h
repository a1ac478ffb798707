// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REVISION_REGISTRY_H_
#define ATTUNE_SERVER_REVISION_REGISTRY_H_

// The revisions that can answer and the one that does. START HERE in server/.
//
// Life cycle: Open() finds what the directory holds and the revision that was
// active; Add(), Activate() and Rollback() change that, each either completely
// or not at all. The registry keeps every revision, so that no request ever is
// the one that destroys it; requests keep theirs by shared_ptr all the same.
//
// Thread-safe. Current() takes no lock; Find() copies a pointer under a mutex
// that nobody holds while doing I/O; the changes block on the disk.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/revision.h"
#include "server/activation_rule.h"
#include "server/published.h"
#include "server/revision_store.h"

namespace attune::server {

class RevisionRegistry {
 public:
  struct Options {
    // Where revisions are kept.
    std::string directory;
    // What serves until the first activation. It can be named and activated
    // like a stored one, but is not listed. Not null.
    std::shared_ptr<const policy::Revision> uniform;
    // Largest number of stored revisions.
    size_t max_revisions = 1000;
  };

  // Fails only if the directory cannot be used: files that are no good
  // revisions are logged and skipped, and if the active one is among them, the
  // newest previous good one is active.
  static absl::StatusOr<std::unique_ptr<RevisionRegistry>> Open(
      Options options);

  // The active revision. Never null. Calls that begin after Activate() has
  // returned see its revision.
  std::shared_ptr<const policy::Revision> Current() const {
    return current_.Get();
  }
  // Null if there is none with this id.
  std::shared_ptr<const policy::Revision> Find(std::string_view id) const;

  // Stored revisions, newest first.
  std::vector<StoredRevision> List() const;
  // A stored revision or the uniform one. kNotFound.
  absl::StatusOr<StoredRevision> Get(std::string_view id) const;
  // Whether a revision with this digest is stored.
  bool Contains(std::string_view digest) const;

  // Verifies and stores a complete part file. kInvalidArgument if it is no good
  // revision; kResourceExhausted if there are too many already.
  absl::StatusOr<StoredRevision> Add(const std::string& part_path);
  // Makes a revision active. Idempotent. kNotFound.
  absl::Status Activate(const std::string& id);
  // Makes the revision active that was before. kFailedPrecondition if none was.
  absl::Status Rollback();

  std::string incoming_directory() const { return store_.IncomingDirectory(); }

 private:
  RevisionRegistry(Options options, RevisionStore store);
  void Restore();
  // Persists, then exchanges the pointer.
  absl::Status Commit(Activations activations);

  const Options options_;
  const RevisionStore store_;

  // Serialises changes; held while doing I/O. Taken before mutex_.
  std::mutex change_mutex_;
  Activations activations_;  // guarded by change_mutex_

  Published<policy::Revision> current_;

  mutable std::mutex mutex_;
  std::unordered_map<std::string, StoredRevision>
      by_id_;                        // guarded by mutex_; with the uniform one
  std::vector<std::string> by_age_;  // guarded by mutex_; oldest first
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REVISION_REGISTRY_H_
