// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REVISION_REGISTRY_H_
#define ATTUNE_SERVER_REVISION_REGISTRY_H_

// The revisions that can answer and those that do. START HERE in server/.
//
// Life cycle: Open() finds what the directory holds and the traffic as it was;
// Add(), Activate(), SetTraffic(), Rollback() and Delete() change that, each
// either completely or not at all, and each after it was written to the audit
// log. The registry keeps every revision, so that no request ever is the one that
// destroys it; requests keep theirs by shared_ptr all the same.
//
// Several servers that share a store change the traffic there first: a change
// is made if nobody else's came before. What the others changed is put in by
// Follower (follower.h), with the methods that are named so.
//
// Thread-safe. Traffic() and Current() take no lock; Find() copies a pointer
// under a mutex that nobody holds while doing I/O; the changes block on the disk.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/revision.h"
#include "policy/revision_signature.h"
#include "server/audit_log.h"
#include "server/published.h"
#include "server/revision_store.h"
#include "server/shared_store.h"
#include "server/signature_gate.h"
#include "server/traffic.h"
#include "server/traffic_feed.h"
#include "server/traffic_rule.h"

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
    // The time, for the audit log; absl::Now if not set. Thread-safe.
    std::function<absl::Time()> clock = nullptr;
    // Whose signatures every stored revision needs; none: no signatures.
    std::optional<policy::TrustedKeys> trusted_keys = std::nullopt;
    // What is shared with other servers; null: nothing is. Must outlive this.
    SharedStore* shared = nullptr;
  };

  // Fails only if the directory cannot be used, or kDataLoss as
  // SignatureGate::Open: files that are no good revisions are logged and skipped,
  // and if the active one is among them, the newest previous good one is active.
  static absl::StatusOr<std::unique_ptr<RevisionRegistry>> Open(
      Options options);

  // Who is served by what. Calls that begin after a change has returned see it.
  // Valid until the calling thread's next call; copy to keep.
  const std::shared_ptr<const TrafficSnapshot>& Traffic() const {
    return traffic_.Get();
  }
  // The active revision. Never null.
  std::shared_ptr<const policy::Revision> Current() const {
    return Traffic()->active;
  }
  // Null if there is none with this id.
  std::shared_ptr<const policy::Revision> Find(std::string_view id) const;

  // Stored revisions, newest first.
  std::vector<StoredRevision> List() const;
  // A stored revision or the uniform one. kNotFound.
  absl::StatusOr<StoredRevision> Get(std::string_view id) const;
  // Whether a revision with this digest is stored.
  bool Contains(std::string_view digest) const;

  // Pushes: CheckPush() before their bytes are taken, then Add() or, of bytes that
  // are stored already, Confirm(). The errors of SignatureGate::CheckPush.
  absl::Status CheckPush(const PushClaims& claims) const;
  // Verifies and stores a complete part file; for `progress` see
  // Revision::LoadFile. kInvalidArgument if it is no good revision;
  // kResourceExhausted if there are too many already.
  absl::StatusOr<StoredRevision> Add(
      const std::string& part_path, const PushClaims& claims = {},
      const policy::DigestProgress& progress = {});
  // Keeps the signature if it is another than the stored one. kNotFound.
  absl::Status Confirm(const std::string& id, const PushClaims& claims);
  // Publishes a stored revision to the servers that share the store; OK without
  // one. A push is done when this is. The errors of SharedStore.
  absl::Status Share(const std::string& id) const;

  // Changes of the traffic. Those that change nothing are not audited. All:
  // the errors of the disk and of SharedStore, and then nothing has changed (but
  // see SharedStore::Exchange).
  //
  // kNotFound if a revision is not there; kInvalidArgument as AfterSetTraffic.
  absl::Status SetTraffic(const TrafficPlan& plan, const ChangeNote& note = {});
  // Makes a revision active and leaves canary and shadow. kNotFound.
  absl::Status Activate(const std::string& id, const ChangeNote& note = {});
  // Ends the canary's trial or, without one, makes the revision active that was
  // before. kFailedPrecondition if none was.
  absl::Status Rollback(const ChangeNote& note = {});
  // Ends a trial that is still under way; kAborted if it is not. If the others
  // cannot be asked or know another traffic, the canary serves nobody here from
  // now on, and RetryEndTrial() ends the trial for all.
  absl::Status EndTrial(int64_t trial, const ChangeNote& note);
  // Deletes a stored revision. kNotFound; kFailedPrecondition if it is in
  // traffic, or is the uniform one.
  absl::Status Delete(const std::string& id, const ChangeNote& note = {});

  // What other servers did. Without errors if it is done here already.
  //
  // As Add and Confirm, of what another server took.
  absl::StatusOr<StoredRevision> AddFollowed(const std::string& part_path,
                                             const PushClaims& claims,
                                             absl::Time push_time);
  // Takes over the traffic if it is later than ours, or another with the same
  // sequence. kNotFound if it names a revision that is not here.
  absl::Status FollowTraffic(const SharedTraffic& traffic);
  // kFailedPrecondition if it is in traffic here.
  absl::Status FollowDeletion(const std::string& id);
  // Ends for all what was ended for this server alone.
  absl::Status RetryEndTrial();

  TrafficPlan Plan() const;
  TrafficState State() const;
  // The revisions in a state's traffic that are kept, and so must be there: all
  // but the uniform one.
  std::vector<std::string> NeededBy(const TrafficState& state) const;
  std::string PathOf(const std::string& id) const;
  // What the changes are told to.
  TrafficFeed& feed() { return feed_; }

  std::string incoming_directory() const { return store_.IncomingDirectory(); }
  std::string audit_path() const { return store_.AuditPath(); }

 private:
  RevisionRegistry(Options options, RevisionStore store, AuditLog audit,
                   SignatureGate gate);
  absl::Status Restore();
  enum class Origin { kPush, kFollowed };
  // A change of the traffic that is to be made.
  struct Change {
    TrafficState state;
    const char* action;
    const ChangeNote& note;
    // Made elsewhere, and here the second time.
    Origin origin = Origin::kPush;
    const StoredRevision* deleted = nullptr;
  };

  // CheckPush, or its like, with change_mutex_ held.
  absl::Status CheckClaims(const PushClaims& claims,
                           Origin origin = Origin::kPush) const;
  // CheckClaims, and whether there is room for one more.
  absl::Status CheckAdd(const PushClaims& claims, Origin origin) const;
  absl::StatusOr<StoredRevision> AddFrom(
      Origin origin, const std::string& part_path, const PushClaims& claims,
      const policy::DigestProgress& progress,
      std::optional<absl::Time> push_time = std::nullopt);
  absl::Status ConfirmFrom(Origin origin, const std::string& id,
                           const PushClaims& claims);
  // After a restart: says in the audit log what a crash or a damaged file undid.
  void AuditRestart(const TrafficState& stored);
  // Announces, agrees with the others, persists, exchanges the pointer, tells.
  absl::Status Commit(Change change);
  // Whether the others know no other traffic.
  absl::Status ConfirmTraffic() const;
  // kFailedPrecondition if it may not be deleted.
  absl::Status CheckDeletable(const std::string& id) const;
  absl::Status Remove(const std::string& id);
  // Takes the canary out of this server's snapshot, and of nothing else.
  absl::Status Suspend(const ChangeNote& note);
  absl::Status CheckStored(const TrafficPlan& plan) const;
  TrafficSnapshot MakeSnapshot(const TrafficState& state) const;
  AuditEntry EntryOf(const TrafficState& state, const char* action,
                     const ChangeNote& note) const;

  const Options options_;
  const RevisionStore store_;
  Published<TrafficSnapshot> traffic_;
  TrafficFeed feed_;

  // Serialises changes; held while doing I/O. Taken before mutex_.
  mutable std::mutex change_mutex_;
  TrafficState state_;  // guarded by change_mutex_
  // A trial that is over for this server, and not yet for the others.
  struct Suspension {
    int64_t trial = 0;
    ChangeNote note;
  };
  std::optional<Suspension> suspended_;  // guarded by change_mutex_
  AuditLog audit_;                       // guarded by change_mutex_
  SignatureGate gate_;                   // guarded by change_mutex_
  // Deleted ones that a thread may still hold, so that it is not the one that
  // unmaps them. Guarded by change_mutex_.
  std::vector<std::shared_ptr<const policy::Revision>> deleted_;

  mutable std::mutex mutex_;
  // With the uniform one. Guarded by mutex_.
  std::unordered_map<std::string, StoredRevision> by_id_;
  // Those that were pushed, oldest first: what another server was given may come
  // late. Guarded by mutex_.
  std::set<std::pair<absl::Time, std::string>> by_age_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REVISION_REGISTRY_H_
