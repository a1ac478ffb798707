// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/revision_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
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

RevisionRegistry::RevisionRegistry(Options options, RevisionStore store)
    : options_(std::move(options)),
      store_(std::move(store)),
      current_(options_.uniform) {
  by_id_[options_.uniform->id()] = {options_.uniform, absl::UnixEpoch()};
}

absl::StatusOr<std::unique_ptr<RevisionRegistry>> RevisionRegistry::Open(
    Options options) {
  ATTUNE_ASSIGN_OR_RETURN(RevisionStore store,
                          RevisionStore::Open(options.directory));
  std::unique_ptr<RevisionRegistry> registry(
      new RevisionRegistry(std::move(options), std::move(store)));
  registry->Restore();
  return registry;
}

void RevisionRegistry::Restore() {
  for (StoredRevision& stored : store_.LoadAll()) {
    const std::string id = stored.revision->id();
    by_age_.push_back(id);
    by_id_[id] = std::move(stored);
  }
  auto activations = store_.ReadActivations();
  if (!activations.ok()) {
    Log(LogLevel::kError, "state unreadable, serving the uniform revision",
        {{"error", activations.status().ToString()}});
    return;
  }
  activations_ = AfterRestart(*activations, [this](const std::string& id) {
    return by_id_.count(id) > 0;
  });
  if (!activations_.empty()) {
    current_.Set(by_id_[activations_.back()].revision);
  }
  if (!activations->empty() && activations->back() != Current()->id()) {
    Log(LogLevel::kError, "the active revision is unusable, serving another",
        {{"unusable", activations->back()}, {"serving", Current()->id()}});
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
  for (auto id = by_age_.rbegin(); id != by_age_.rend(); ++id) {
    revisions.push_back(by_id_.at(*id));
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
  const auto found = by_id_.find(std::string(digest.substr(0, 16)));
  return found != by_id_.end() && found->second.revision->digest() == digest;
}

absl::StatusOr<StoredRevision> RevisionRegistry::Add(
    const std::string& part_path) {
  std::lock_guard<std::mutex> change(change_mutex_);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (by_age_.size() >= options_.max_revisions) {
      return WithReason(absl::ResourceExhaustedError(
                            absl::StrCat("the server keeps at most ",
                                         options_.max_revisions, " revisions")),
                        "TOO_MANY_REVISIONS");
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(StoredRevision stored, store_.Adopt(part_path));
  std::lock_guard<std::mutex> lock(mutex_);
  const std::string id = stored.revision->id();
  if (by_id_.emplace(id, stored).second) by_age_.push_back(id);
  return stored;
}

absl::Status RevisionRegistry::Activate(const std::string& id) {
  std::lock_guard<std::mutex> change(change_mutex_);
  if (Find(id) == nullptr) return NoSuchRevision();
  if (Current()->id() == id) return absl::OkStatus();
  return Commit(AfterActivate(activations_, id));
}

absl::Status RevisionRegistry::Rollback() {
  std::lock_guard<std::mutex> change(change_mutex_);
  ATTUNE_ASSIGN_OR_RETURN(Activations activations, AfterRollback(activations_));
  return Commit(std::move(activations));
}

absl::Status RevisionRegistry::Commit(Activations activations) {
  ATTUNE_RETURN_IF_ERROR(store_.WriteActivations(activations));
  activations_ = std::move(activations);
  std::lock_guard<std::mutex> lock(mutex_);
  current_.Set(by_id_.at(activations_.back()).revision);
  return absl::OkStatus();
}

}  // namespace attune::server
