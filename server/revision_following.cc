// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What RevisionRegistry does because other servers share its store.

#include <utility>

#include "policy/status_macros.h"
#include "server/log.h"
#include "server/revision_registry.h"

namespace attune::server {

absl::Status RevisionRegistry::Share(const std::string& id) const {
  if (options_.shared == nullptr) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(const StoredRevision revision, Get(id));
  return options_.shared->Publish(revision, PathOf(id));
}

absl::Status RevisionRegistry::ConfirmTraffic() const {
  return options_.shared == nullptr ? absl::OkStatus()
                                    : options_.shared->Confirm(state_.sequence);
}

absl::StatusOr<StoredRevision> RevisionRegistry::AddFollowed(
    const std::string& part_path, const PushClaims& claims,
    absl::Time push_time) {
  const std::string id = policy::RevisionIdOfDigest(claims.digest);
  if (!Contains(claims.digest)) {
    // As fast as it can: meanwhile the follower sees no order of the others.
    return AddFrom(Origin::kFollowed, part_path, claims, /*progress=*/{},
                   push_time);
  }
  ATTUNE_RETURN_IF_ERROR(ConfirmFrom(Origin::kFollowed, id, claims));
  return Get(id);
}

absl::Status RevisionRegistry::FollowTraffic(const SharedTraffic& traffic) {
  std::lock_guard<std::mutex> change(change_mutex_);
  if (traffic.state.sequence < state_.sequence || traffic.state == state_) {
    return absl::OkStatus();
  }
  ChangeNote note = traffic.note;
  if (!traffic.replica.empty()) note.who += " at " + traffic.replica;
  return Commit({.state = traffic.state,
                 .action = traffic.action.c_str(),
                 .note = note,
                 .origin = Origin::kFollowed});
}

absl::Status RevisionRegistry::FollowDeletion(const std::string& id) {
  std::lock_guard<std::mutex> change(change_mutex_);
  if (Find(id) == nullptr) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(CheckDeletable(id));
  return Remove(id);
}

absl::Status RevisionRegistry::Suspend(const ChangeNote& note) {
  AuditEntry entry = EntryOf(state_, "guardrail_suspension", note);
  entry.after.canary.clear();
  entry.after.canary_share = 0.0;
  ATTUNE_RETURN_IF_ERROR(audit_.Append(entry));
  suspended_ = {.trial = state_.trial, .note = note};
  traffic_.Set(std::make_shared<TrafficSnapshot>(MakeSnapshot(state_)));
  Log(LogLevel::kWarning,
      "the canary serves nobody here, and elsewhere until the others agree",
      {{"revision", state_.canary}});
  return absl::OkStatus();
}

absl::Status RevisionRegistry::RetryEndTrial() {
  std::lock_guard<std::mutex> change(change_mutex_);
  if (!suspended_.has_value()) return absl::OkStatus();
  const Suspension suspension = *suspended_;
  if (!state_.canary.empty() && state_.trial == suspension.trial) {
    ATTUNE_ASSIGN_OR_RETURN(TrafficState state, AfterRollback(state_));
    ATTUNE_RETURN_IF_ERROR(
        Commit({std::move(state), "guardrail_rollback", suspension.note}));
  }
  suspended_.reset();
  return absl::OkStatus();
}

TrafficState RevisionRegistry::State() const {
  std::lock_guard<std::mutex> change(change_mutex_);
  return state_;
}

std::vector<std::string> RevisionRegistry::NeededBy(
    const TrafficState& state) const {
  const TrafficPlan plan = state.PlanOr(options_.uniform->id());
  std::vector<std::string> needed;
  for (const std::string& id : {plan.active, plan.canary, plan.shadow}) {
    if (!id.empty() && id != options_.uniform->id()) needed.push_back(id);
  }
  return needed;
}

std::string RevisionRegistry::PathOf(const std::string& id) const {
  return store_.ArtifactPath(id);
}

}  // namespace attune::server
