// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/revision_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "server/error_reason.h"
#include "server/log.h"

namespace attune::server {
namespace {

absl::Status NoSuchRevision() {
  return WithReason(absl::NotFoundError("there is no such revision"),
                    "REVISION_NOT_FOUND");
}

}  // namespace

RevisionRegistry::RevisionRegistry(Options options, RevisionStore store,
                                   AuditLog audit, SignatureGate gate)
    : options_(std::move(options)),
      store_(std::move(store)),
      traffic_(std::make_shared<TrafficSnapshot>(
          TrafficSnapshot{.active = options_.uniform})),
      audit_(std::move(audit)),
      gate_(std::move(gate)) {
  by_id_[options_.uniform->id()] = {options_.uniform, absl::UnixEpoch()};
}

absl::StatusOr<std::unique_ptr<RevisionRegistry>> RevisionRegistry::Open(
    Options options) {
  if (!options.clock) options.clock = [] { return absl::Now(); };
  ATTUNE_ASSIGN_OR_RETURN(RevisionStore store,
                          RevisionStore::Open(options.directory));
  ATTUNE_ASSIGN_OR_RETURN(AuditLog audit, AuditLog::Open(store.AuditPath()));
  ATTUNE_ASSIGN_OR_RETURN(
      SignatureGate gate,
      SignatureGate::Open(options.trusted_keys, store.NumbersPath()));
  std::unique_ptr<RevisionRegistry> registry(new RevisionRegistry(
      std::move(options), std::move(store), std::move(audit), std::move(gate)));
  ATTUNE_RETURN_IF_ERROR(registry->Restore());
  return registry;
}

absl::Status RevisionRegistry::Restore() {
  std::vector<v1::RevisionSignature> signatures;
  for (StoredRevision& stored : store_.LoadAll(gate_)) {
    const std::string id = stored.revision->id();
    if (stored.signature.has_value()) signatures.push_back(*stored.signature);
    by_age_.emplace(stored.push_time, id);
    by_id_[id] = std::move(stored);
  }
  // Changes nothing but on a server that has its first trusted keys.
  ATTUNE_RETURN_IF_ERROR(gate_.Accept(signatures));
  auto stored = store_.ReadState();
  if (!stored.ok()) {
    Log(LogLevel::kError, "state unreadable, serving the uniform revision",
        {{"error", stored.status().ToString()}});
    // Sequences never go back.
    stored = TrafficState{.sequence = audit_.announced()};
  }
  state_ = AfterRestart(
      *stored, [this](const std::string& id) { return by_id_.count(id) > 0; });
  const std::string was = stored->PlanOr(options_.uniform->id()).active;
  traffic_.Set(std::make_shared<TrafficSnapshot>(MakeSnapshot(state_)));
  if (was != Current()->id()) {
    Log(LogLevel::kError, "the active revision is unusable, serving another",
        {{"unusable", was}, {"serving", Current()->id()}});
  }
  AuditRestart(*stored);
  feed_.Publish({.plan = Plan(),
                 .sequence = state_.sequence,
                 .action = "",
                 .note = {},
                 .time = options_.clock()});
  return absl::OkStatus();
}

void RevisionRegistry::AuditRestart(const TrafficState& stored) {
  const std::string& uniform = options_.uniform->id();
  const TrafficPlan before = stored.PlanOr(uniform);
  std::vector<AuditEntry> entries;
  if (audit_.announced() > state_.sequence) {
    AuditEntry entry =
        EntryOf(state_, "not_applied",
                {.who = "server", .reason = "stopped before it took effect"});
    entry.sequence = audit_.announced();
    entries.push_back(std::move(entry));
  }
  if (before != state_.PlanOr(uniform)) {
    entries.push_back(EntryOf(
        state_, "restart",
        {.who = "server", .reason = "a revision in traffic is unusable"}));
    entries.back().before = before;
  }
  for (const AuditEntry& entry : entries) {
    const absl::Status status = audit_.Append(entry);
    if (status.ok()) continue;
    Log(LogLevel::kError, "audit log cannot be written",
        {{"error", status.ToString()}});
  }
}

std::shared_ptr<const policy::Revision> RevisionRegistry::Find(
    std::string_view id) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : found->second.revision;
}

std::vector<StoredRevision> RevisionRegistry::List() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<StoredRevision> revisions;
  revisions.reserve(by_age_.size());
  for (auto age = by_age_.rbegin(); age != by_age_.rend(); ++age) {
    revisions.push_back(by_id_.at(age->second));
  }
  return revisions;
}

absl::StatusOr<StoredRevision> RevisionRegistry::Get(
    std::string_view id) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end()) return NoSuchRevision();
  return found->second;
}

bool RevisionRegistry::Contains(std::string_view digest) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = by_id_.find(policy::RevisionIdOfDigest(digest));
  return found != by_id_.end() && found->second.revision->digest() == digest;
}

absl::Status RevisionRegistry::CheckPush(const PushClaims& claims) const {
  std::lock_guard<std::mutex> change(change_mutex_);
  return CheckClaims(claims);
}

absl::Status RevisionRegistry::CheckClaims(const PushClaims& claims,
                                           Origin origin) const {
  if (origin == Origin::kFollowed) return gate_.CheckFollowed(claims);
  const std::string id = policy::RevisionIdOfDigest(claims.digest);
  std::optional<int64_t> accepted_as;
  if (Contains(claims.digest)) {
    const auto stored = Get(id);
    if (stored.ok() && stored->signature.has_value()) {
      accepted_as = stored->signature->number();
    }
  }
  return gate_.CheckPush(claims, accepted_as,
                         claims.activate && Current()->id() != id);
}

absl::Status RevisionRegistry::CheckAdd(const PushClaims& claims,
                                        Origin origin) const {
  ATTUNE_RETURN_IF_ERROR(CheckClaims(claims, origin));
  std::lock_guard<std::mutex> lock(mutex_);
  if (by_age_.size() < options_.max_revisions) return absl::OkStatus();
  return WithReason(
      absl::ResourceExhaustedError(absl::StrCat(
          "the server keeps at most ", options_.max_revisions, " revisions")),
      "TOO_MANY_REVISIONS");
}

absl::StatusOr<StoredRevision> RevisionRegistry::Add(
    const std::string& part_path, const PushClaims& claims,
    const policy::DigestProgress& progress) {
  return AddFrom(Origin::kPush, part_path, claims, progress);
}

absl::StatusOr<StoredRevision> RevisionRegistry::AddFrom(
    Origin origin, const std::string& part_path, const PushClaims& claims,
    const policy::DigestProgress& progress,
    std::optional<absl::Time> push_time) {
  {
    std::lock_guard<std::mutex> change(change_mutex_);
    ATTUNE_RETURN_IF_ERROR(CheckAdd(claims, origin));
  }
  // Takes long, and no order waits for it.
  ATTUNE_ASSIGN_OR_RETURN(auto revision,
                          policy::Revision::LoadFile(part_path, progress));
  std::lock_guard<std::mutex> change(change_mutex_);
  // Another push may have come first since this one began.
  ATTUNE_RETURN_IF_ERROR(CheckAdd(claims, origin));
  std::optional<v1::RevisionSignature> signature;
  if (gate_.is_closed()) {
    signature = claims.signature;
    ATTUNE_RETURN_IF_ERROR(CheckSigned(*signature, *revision));
    ATTUNE_RETURN_IF_ERROR(gate_.Accept({*signature}));
  }
  ATTUNE_ASSIGN_OR_RETURN(StoredRevision stored,
                          store_.Install(part_path, std::move(revision),
                                         std::move(signature), push_time));
  std::lock_guard<std::mutex> lock(mutex_);
  const std::string id = stored.revision->id();
  if (by_id_.emplace(id, stored).second) by_age_.emplace(stored.push_time, id);
  return stored;
}

absl::Status RevisionRegistry::Confirm(const std::string& id,
                                       const PushClaims& claims) {
  return ConfirmFrom(Origin::kPush, id, claims);
}

absl::Status RevisionRegistry::ConfirmFrom(Origin origin, const std::string& id,
                                           const PushClaims& claims) {
  std::lock_guard<std::mutex> change(change_mutex_);
  ATTUNE_RETURN_IF_ERROR(CheckClaims(claims, origin));
  if (!gate_.is_closed()) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(const StoredRevision stored, Get(id));
  const v1::RevisionSignature& signature = *claims.signature;
  if (signature.SerializeAsString() == stored.signature->SerializeAsString()) {
    return absl::OkStatus();
  }
  ATTUNE_RETURN_IF_ERROR(CheckSigned(signature, *stored.revision));
  ATTUNE_RETURN_IF_ERROR(gate_.Accept({signature}));
  ATTUNE_RETURN_IF_ERROR(store_.WriteSignature(id, signature));
  std::lock_guard<std::mutex> lock(mutex_);
  by_id_.at(id).signature = signature;
  return absl::OkStatus();
}

absl::Status RevisionRegistry::SetTraffic(const TrafficPlan& plan,
                                          const ChangeNote& note) {
  std::lock_guard<std::mutex> change(change_mutex_);
  ATTUNE_ASSIGN_OR_RETURN(TrafficState state, AfterSetTraffic(state_, plan));
  ATTUNE_RETURN_IF_ERROR(CheckStored(plan));
  if (state_.PlanOr(options_.uniform->id()) == plan) return ConfirmTraffic();
  return Commit({std::move(state), "set_traffic", note});
}

absl::Status RevisionRegistry::Activate(const std::string& id,
                                        const ChangeNote& note) {
  std::lock_guard<std::mutex> change(change_mutex_);
  if (Find(id) == nullptr) return NoSuchRevision();
  if (Current()->id() == id) return ConfirmTraffic();
  return Commit({AfterPromote(state_, id), "push", note});
}

absl::Status RevisionRegistry::Rollback(const ChangeNote& note) {
  std::lock_guard<std::mutex> change(change_mutex_);
  ATTUNE_ASSIGN_OR_RETURN(TrafficState state, AfterRollback(state_));
  return Commit({std::move(state), "rollback", note});
}

absl::Status RevisionRegistry::EndTrial(int64_t trial, const ChangeNote& note) {
  std::lock_guard<std::mutex> change(change_mutex_);
  if (state_.canary.empty() || state_.trial != trial) {
    return absl::AbortedError("the trial is over");
  }
  ATTUNE_ASSIGN_OR_RETURN(TrafficState state, AfterRollback(state_));
  const absl::Status status =
      Commit({std::move(state), "guardrail_rollback", note});
  // Redis does not answer, or knows another traffic: for how long, nobody can
  // tell.
  const bool disagrees = absl::IsUnavailable(status) || absl::IsAborted(status);
  return options_.shared != nullptr && disagrees ? Suspend(note) : status;
}

absl::Status RevisionRegistry::Delete(const std::string& id,
                                      const ChangeNote& note) {
  std::lock_guard<std::mutex> change(change_mutex_);
  ATTUNE_ASSIGN_OR_RETURN(const StoredRevision revision, Get(id));
  ATTUNE_RETURN_IF_ERROR(CheckDeletable(id));
  // The state goes first: what it names is always there.
  ATTUNE_RETURN_IF_ERROR(Commit({.state = AfterDelete(state_, id),
                                 .action = "delete",
                                 .note = note,
                                 .deleted = &revision}));
  return Remove(id);
}

absl::Status RevisionRegistry::CheckDeletable(const std::string& id) const {
  const bool is_uniform = id == options_.uniform->id();
  const TrafficPlan plan = state_.PlanOr(options_.uniform->id());
  if (!is_uniform && id != plan.active && id != plan.canary &&
      id != plan.shadow) {
    return absl::OkStatus();
  }
  return WithReason(
      absl::FailedPreconditionError(
          is_uniform ? "revision_id: the uniform revision cannot be deleted"
                     : "revision_id: in traffic"),
      "REVISION_IN_TRAFFIC");
}

absl::Status RevisionRegistry::Remove(const std::string& id) {
  const auto revision = Find(id);
  ATTUNE_RETURN_IF_ERROR(store_.Remove(id));
  deleted_.push_back(revision);
  std::lock_guard<std::mutex> lock(mutex_);
  const auto stored = by_id_.find(id);
  by_age_.erase({stored->second.push_time, id});
  by_id_.erase(stored);
  return absl::OkStatus();
}

TrafficPlan RevisionRegistry::Plan() const {
  const TrafficSnapshot& traffic = *Traffic();
  const auto id = [](const std::shared_ptr<const policy::Revision>& revision) {
    return revision == nullptr ? std::string() : revision->id();
  };
  return {.active = id(traffic.active),
          .canary = id(traffic.canary),
          .canary_share = traffic.canary_share,
          .shadow = id(traffic.shadow)};
}

absl::Status RevisionRegistry::CheckStored(const TrafficPlan& plan) const {
  for (const std::string& id : {plan.active, plan.canary, plan.shadow}) {
    if (!id.empty() && Find(id) == nullptr) return NoSuchRevision();
  }
  return absl::OkStatus();
}

TrafficSnapshot RevisionRegistry::MakeSnapshot(
    const TrafficState& state) const {
  const TrafficPlan plan = state.PlanOr(options_.uniform->id());
  TrafficSnapshot traffic;
  traffic.active = Find(plan.active);
  const bool suspended =
      suspended_.has_value() && suspended_->trial == state.trial;
  if (!plan.canary.empty() && !suspended) traffic.canary = Find(plan.canary);
  if (!plan.shadow.empty()) traffic.shadow = Find(plan.shadow);
  traffic.canary_share = suspended ? 0.0 : plan.canary_share;
  traffic.salt = SplitSalt(plan.canary);
  traffic.sequence = state.sequence;
  traffic.trial = state.trial;
  return traffic;
}

AuditEntry RevisionRegistry::EntryOf(const TrafficState& state,
                                     const char* action,
                                     const ChangeNote& note) const {
  return {.time = options_.clock(),
          .sequence = state.sequence,
          .action = action,
          .note = note,
          .before = Plan(),
          .after = state.PlanOr(options_.uniform->id())};
}

absl::Status RevisionRegistry::Commit(Change change) {
  // Another server's history may name what is not here yet.
  ATTUNE_RETURN_IF_ERROR(
      CheckStored(change.state.PlanOr(options_.uniform->id())));
  // Before anything is written that would have to be taken back.
  if (change.origin == Origin::kPush) ATTUNE_RETURN_IF_ERROR(ConfirmTraffic());
  AuditEntry entry = EntryOf(change.state, change.action, change.note);
  if (change.deleted != nullptr)
    entry.revision = change.deleted->revision->id();
  absl::Status status = audit_.Append(entry);
  if (status.ok() && options_.shared != nullptr &&
      change.origin == Origin::kPush) {
    status = options_.shared->Exchange(
        state_.sequence,
        {.state = change.state, .action = entry.action, .note = entry.note},
        NeededBy(change.state), change.deleted);
  }
  if (status.ok()) status = store_.WriteState(change.state);
  if (!status.ok()) {
    AuditEntry undone =
        EntryOf(change.state, "not_applied",
                {.who = "server", .reason = std::string(status.message())});
    undone.after = undone.before;
    audit_.Append(undone).IgnoreError();
    return status;
  }
  state_ = std::move(change.state);
  traffic_.Set(std::make_shared<TrafficSnapshot>(MakeSnapshot(state_)));
  deleted_.erase(
      std::remove_if(deleted_.begin(), deleted_.end(),
                     [](const auto& gone) { return gone.use_count() == 1; }),
      deleted_.end());
  feed_.Publish({.plan = entry.after,
                 .sequence = entry.sequence,
                 .action = entry.action,
                 .note = entry.note,
                 .time = entry.time});
  return absl::OkStatus();
}

}  // namespace attune::server
