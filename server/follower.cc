// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/follower.h"

#include <pthread.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "server/log.h"
#include "server/thread_class.h"

namespace attune::server {
namespace {

// How soon Stop() is noticed.
constexpr absl::Duration kSlice = absl::Milliseconds(100);
constexpr redis::Backoff::Options kRetryBackoff = {.least = absl::Seconds(1),
                                                   .most = absl::Minutes(1)};

std::set<std::string> IdsOf(const std::vector<SharedRevision>& revisions) {
  std::set<std::string> ids;
  for (const SharedRevision& revision : revisions) ids.insert(revision.id);
  return ids;
}

// Whether others deleted it after it was pushed.
bool IsDeleted(const SharedIndex& index, const StoredRevision& stored) {
  return std::any_of(index.deleted.begin(), index.deleted.end(),
                     [&](const SharedIndex::Deletion& deletion) {
                       return deletion.id == stored.revision->id() &&
                              stored.push_time <= deletion.time;
                     });
}

bool Has(const std::vector<std::string>& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// Pushed again, it would be refused again.
bool IsNoGood(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status);
}

}  // namespace

Follower::Follower(Options options)
    : options_(std::move(options)),
      store_(options_.settings, RedisUse::kFollow, options_.stats),
      listener_(options_.settings, RedisUse::kListen, options_.stats),
      retry_trial_(kRetryBackoff, [] { return 1.0; }) {}

Follower::~Follower() { Stop(); }

void Follower::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Follower::BeginStop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

void Follower::Stop() {
  BeginStop();
  if (thread_.joinable()) thread_.join();
}

bool Follower::Stopping() {
  std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

void Follower::Run() {
  ::pthread_setname_np(::pthread_self(), "follower");
  JoinThreadClass(ThreadClass::kBackground);
  while (!Stopping()) {
    // Before the turn, so that nothing is missed between the two.
    if (!listening_) {
      listening_ = listener_.Subscribe(options_.settings.Key("changes")).ok();
    }
    if (!Turn()) AwaitChange();
  }
}

void Follower::AwaitChange() {
  const absl::Time deadline = absl::Now() + options_.interval;
  while (absl::Now() < deadline && !Stopping()) {
    if (!listening_) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait_for(lock, absl::ToChronoMilliseconds(kSlice));
      continue;
    }
    auto message = listener_.NextMessage(kSlice);
    const bool changed = message.ok() && message->has_value();
    // One turn for all that was announced meanwhile.
    while (message.ok() && message->has_value()) {
      message = listener_.NextMessage(absl::ZeroDuration());
    }
    listening_ = message.ok();
    if (changed || !listening_) return;
  }
}

absl::Status Follower::CatchUp() {
  ATTUNE_ASSIGN_OR_RETURN(const SharedIndex* index, store_.Read());
  FollowTraffic(*index);
  return absl::OkStatus();
}

bool Follower::Turn() {
  const auto index = store_.Read();
  if (!index.ok()) return false;  // the link has told of it
  const SharedIndex& shared = **index;
  FollowTraffic(shared);
  FollowDeletions(shared);
  const bool fetched = FetchMissing(shared, Part::kNextOther);
  options_.stats->revisions_behind =
      std::count_if(shared.revisions.begin(), shared.revisions.end(),
                    [this](const auto& one) { return !IsHere(one); });
  const bool restored = Restore(shared).value_or(false);
  RetryEndTrial();
  return fetched || restored;
}

void Follower::RetryEndTrial() {
  if (absl::Now() < retry_trial_.next()) return;
  if (options_.registry->RetryEndTrial().ok()) {
    retry_trial_.Succeed();
  } else {
    retry_trial_.Fail(absl::Now());
  }
}

void Follower::FollowTraffic(const SharedIndex& index) {
  FetchMissing(index, Part::kNeeded);
  const TrafficState ours = options_.registry->State();
  const int64_t theirs = SequenceOf(index.traffic);
  options_.stats->traffic_behind = std::max<int64_t>(0, theirs - ours.sequence);
  if (theirs == 0 || theirs < ours.sequence || index.traffic->state == ours) {
    return;
  }
  const absl::Status status = options_.registry->FollowTraffic(*index.traffic);
  if (!status.ok()) {
    if (std::exchange(refused_traffic_, theirs) == theirs) return;
    Log(LogLevel::kError, "traffic of the other servers cannot be taken over",
        {{"sequence", theirs}, {"error", std::string(status.message())}});
    return;
  }
  options_.stats->traffic_behind = 0;
  const TrafficPlan plan = options_.registry->Plan();
  Log(LogLevel::kInfo, "traffic followed",
      {{"sequence", theirs},
       {"revision", plan.active},
       {"canary", plan.canary},
       {"shadow", plan.shadow}});
}

absl::StatusOr<bool> Follower::Restore(const SharedIndex& index) {
  ATTUNE_RETURN_IF_ERROR(RestoreRevisions(index, Part::kNeeded).status());
  // It may name what another server is putting there just now.
  RestoreTraffic(index).IgnoreError();
  return RestoreRevisions(index, Part::kNextOther);
}

absl::StatusOr<bool> Follower::RestoreRevisions(const SharedIndex& index,
                                                Part part) {
  const std::set<std::string> shared = IdsOf(index.revisions);
  const auto needed = options_.registry->NeededBy(options_.registry->State());
  for (const StoredRevision& stored : options_.registry->List()) {
    if (Stopping()) break;
    const std::string id = stored.revision->id();
    if (Has(needed, id) != (part == Part::kNeeded)) continue;
    if (shared.count(id) > 0 || IsDeleted(index, stored)) continue;
    const SharedRevision record = RecordOf(stored);
    ATTUNE_ASSIGN_OR_RETURN(const bool is_ours, store_.ClaimRestore(record));
    if (!is_ours) continue;
    const absl::Status status =
        store_.Restore(record, options_.registry->PathOf(id));
    if (absl::IsNotFound(status)) continue;  // deleted meanwhile
    ATTUNE_RETURN_IF_ERROR(status);
    ++options_.stats->restored_revisions;
    Log(LogLevel::kInfo, "revision put into redis", {{"revision", id}});
    if (part == Part::kNextOther) return true;
  }
  return false;
}

absl::Status Follower::RestoreTraffic(const SharedIndex& index) {
  const TrafficState ours = options_.registry->State();
  const int64_t theirs = SequenceOf(index.traffic);
  if (theirs >= ours.sequence) return absl::OkStatus();
  const absl::Status status =
      store_.Exchange(theirs,
                      {.state = ours,
                       .action = "restore",
                       .note = {.reason = "redis had an earlier one or none"}},
                      options_.registry->NeededBy(ours), nullptr);
  // Another server was first, or a change is under way: the next turn sees.
  if (absl::IsAborted(status)) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(status);
  ++options_.stats->restored_traffic;
  Log(LogLevel::kWarning, "traffic put into redis",
      {{"sequence", ours.sequence}, {"redis_had", theirs}});
  return absl::OkStatus();
}

void Follower::FollowDeletions(const SharedIndex& index) {
  const std::set<std::string> shared = IdsOf(index.revisions);
  for (const StoredRevision& stored : options_.registry->List()) {
    const std::string id = stored.revision->id();
    if (shared.count(id) > 0 || !IsDeleted(index, stored)) continue;
    const absl::Status status = options_.registry->FollowDeletion(id);
    // What is in traffic here is not any more when that is followed.
    if (absl::IsFailedPrecondition(status)) continue;
    Log(status.ok() ? LogLevel::kInfo : LogLevel::kWarning,
        "revision deleted by another server",
        {{"revision", id}, {"error", std::string(status.message())}});
  }
}

bool Follower::IsHere(const SharedRevision& revision) const {
  const auto stored = options_.registry->Get(revision.id);
  if (!stored.ok() || stored->revision->digest() != revision.digest) {
    return false;
  }
  // A later signature of the same bytes.
  return !stored->signature.has_value() || !revision.signature.has_value() ||
         stored->signature->number() >= revision.signature->number();
}

bool Follower::FetchMissing(const SharedIndex& index, Part part) {
  std::vector<std::string> needed;
  if (index.traffic.has_value()) {
    needed = options_.registry->NeededBy(index.traffic->state);
  }
  for (const SharedRevision& revision : index.revisions) {
    if (Stopping()) break;
    if (Has(needed, revision.id) != (part == Part::kNeeded)) continue;
    if (IsHere(revision) || !TryFetch(revision)) continue;
    if (part == Part::kNextOther) return true;
  }
  return false;
}

bool Follower::TryFetch(const SharedRevision& revision) {
  auto& backoff =
      failed_.try_emplace(revision.id, kRetryBackoff, [] { return 1.0; })
          .first->second;
  if (absl::Now() < backoff.next()) return false;
  const absl::Status status = Fetch(revision);
  if (status.ok()) {
    failed_.erase(revision.id);
    Log(LogLevel::kInfo, "revision fetched", {{"revision", revision.id}});
    return true;
  }
  backoff.Fail(absl::Now());
  Log(LogLevel::kError, "revision cannot be fetched",
      {{"revision", revision.id}, {"error", status.ToString()}});
  return true;
}

absl::Status Follower::Fetch(const SharedRevision& revision) {
  const PushClaims claims = {.digest = revision.digest,
                             .signature = revision.signature};
  if (options_.registry->Contains(revision.digest)) {
    return options_.registry->AddFollowed("", claims, revision.push_time)
        .status();
  }
  ATTUNE_ASSIGN_OR_RETURN(const int64_t offset,
                          options_.uploads->OffsetOf(revision.digest));
  ATTUNE_ASSIGN_OR_RETURN(
      const auto upload,
      options_.uploads->Begin(revision.digest, revision.byte_size, offset));
  auto skip = static_cast<size_t>(offset % kChunkBytes);
  absl::Status status =
      store_.Fetch(revision, offset / kChunkBytes, [&](std::string_view piece) {
        piece.remove_prefix(skip);
        skip = 0;
        return upload->Append(piece);
      });
  if (status.ok()) status = upload->Finish();
  // What Redis has of it is no good, if it all came from there.
  if (absl::IsDataLoss(status) ||
      (absl::IsInvalidArgument(status) && offset == 0)) {
    store_.Withdraw(revision).IgnoreError();
  }
  ATTUNE_RETURN_IF_ERROR(status);
  status =
      options_.registry->AddFollowed(upload->path(), claims, revision.push_time)
          .status();
  if (IsNoGood(status)) upload->Discard();
  return status;
}

}  // namespace attune::server
