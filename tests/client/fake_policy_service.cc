// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <algorithm>
#include <optional>
#include <utility>

#include "policy/digest.h"
#include "tests/client/fake_server.h"

namespace attune::testing {
namespace {

constexpr int64_t kNoBreak = -1;

template <typename T>
std::optional<T> Pop(std::deque<T>& queue) {
  if (queue.empty()) return std::nullopt;
  T front = queue.front();
  queue.pop_front();
  return front;
}

}  // namespace

grpc::Status FakePolicyService::PushRevision(
    grpc::ServerContext*, grpc::ServerReader<v1::PushRevisionRequest>* reader,
    v1::PushRevisionResponse* response) {
  const std::lock_guard lock(mutex_);
  ++pushes_;
  v1::PushRevisionRequest first;
  if (!reader->Read(&first) || !first.has_header()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "header: missing"};
  }
  const v1::PushRevisionHeader header = first.header();
  if (const auto failure = Pop(push_failures_)) return *failure;
  if (complete_.count(header.digest()) == 0) {
    std::string& part = parts_[header.digest()];
    const grpc::Status received =
        Receive(header, reader, Pop(breaks_).value_or(kNoBreak), part);
    if (!received.ok()) return received;
  } else {
    response->set_already_stored(true);
  }
  return Store(header, response);
}

grpc::Status FakePolicyService::Receive(
    const v1::PushRevisionHeader& header,
    grpc::ServerReader<v1::PushRevisionRequest>* reader, int64_t break_at,
    std::string& part) {
  const grpc::Status broken(grpc::StatusCode::UNAVAILABLE, "stream broke");
  if (header.offset() != static_cast<int64_t>(part.size())) {
    return {grpc::StatusCode::OUT_OF_RANGE, "offset: not where it stopped"};
  }
  v1::PushRevisionRequest message;
  while (break_at == kNoBreak || static_cast<int64_t>(part.size()) < break_at) {
    if (!reader->Read(&message)) break;
    largest_chunk_ = std::max(largest_chunk_, message.data().size());
    part += message.data();
  }
  if (break_at == kNoBreak) return grpc::Status::OK;
  // What was read past the break never arrived.
  part.resize(std::min<size_t>(part.size(), break_at));
  return broken;
}

grpc::Status FakePolicyService::Store(const v1::PushRevisionHeader& header,
                                      v1::PushRevisionResponse* response) {
  if (complete_.count(header.digest()) == 0) {
    const std::string bytes = std::move(parts_[header.digest()]);
    parts_.erase(header.digest());
    if (policy::Sha256Hex(bytes) != header.digest() ||
        static_cast<int64_t>(bytes.size()) != header.byte_size()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "digest: does not match"};
    }
    complete_[header.digest()] = bytes;
  }
  v1::Revision& revision = *response->mutable_revision();
  revision.set_digest(header.digest());
  revision.set_revision_id(header.digest().substr(0, 16));
  revision.set_byte_size(header.byte_size());
  revision.set_state(header.activate() ? v1::REVISION_STATE_ACTIVE
                                       : v1::REVISION_STATE_READY);
  if (header.activate()) {
    previous_ = traffic_.active();
    traffic_.set_active(revision.revision_id());
  }
  if (std::exchange(lose_answer_, false)) {
    return {grpc::StatusCode::UNAVAILABLE, "the answer got lost"};
  }
  return grpc::Status::OK;
}

grpc::Status FakePolicyService::GetPushOffset(
    grpc::ServerContext*, const v1::GetPushOffsetRequest* request,
    v1::GetPushOffsetResponse* response) {
  const std::lock_guard lock(mutex_);
  response->set_complete(complete_.count(request->digest()) != 0);
  const auto part = parts_.find(request->digest());
  if (part != parts_.end()) {
    response->set_offset(static_cast<int64_t>(part->second.size()));
  }
  return grpc::Status::OK;
}

grpc::Status FakePolicyService::ListRevisions(
    grpc::ServerContext*, const v1::ListRevisionsRequest* request,
    v1::ListRevisionsResponse* response) {
  // Two a page, whatever was asked for: the client must follow the tokens.
  constexpr size_t kPage = 2;
  const std::lock_guard lock(mutex_);
  const grpc::Status status = Next();
  if (!status.ok()) return status;
  const size_t begin =
      request->page_token().empty() ? 0 : std::stoul(request->page_token());
  const size_t end = std::min(begin + kPage, revisions_.size());
  for (size_t i = begin; i < end; ++i) {
    *response->add_revisions() = revisions_[i];
  }
  if (end < revisions_.size()) {
    response->set_next_page_token(std::to_string(end));
  }
  return grpc::Status::OK;
}

grpc::Status FakePolicyService::GetRevision(
    grpc::ServerContext*, const v1::GetRevisionRequest* request,
    v1::GetRevisionResponse* response) {
  const std::lock_guard lock(mutex_);
  const grpc::Status status = Next();
  if (!status.ok()) return status;
  for (const v1::Revision& revision : revisions_) {
    if (revision.revision_id() != request->revision_id()) continue;
    *response->mutable_revision() = revision;
    return grpc::Status::OK;
  }
  return {grpc::StatusCode::NOT_FOUND, "revision_id: no such revision"};
}

grpc::Status FakePolicyService::SetTraffic(grpc::ServerContext*,
                                           const v1::SetTrafficRequest* request,
                                           v1::SetTrafficResponse* response) {
  const std::lock_guard lock(mutex_);
  const grpc::Status status = Next();
  if (!status.ok()) return status;
  previous_ = traffic_.active();
  traffic_ = request->traffic();
  reason_ = request->reason();
  *response->mutable_traffic() = traffic_;
  return grpc::Status::OK;
}

grpc::Status FakePolicyService::WatchRevisions(
    grpc::ServerContext*, const v1::WatchRevisionsRequest*,
    grpc::ServerWriter<v1::WatchRevisionsResponse>* writer) {
  const std::lock_guard lock(mutex_);
  const grpc::Status status = Next();
  if (!status.ok()) return status;
  v1::WatchRevisionsResponse update;
  *update.mutable_traffic() = traffic_;
  update.set_sequence(calls_);
  writer->Write(update);
  return {grpc::StatusCode::UNAVAILABLE, "stream broke"};
}

grpc::Status FakePolicyService::DeleteRevision(
    grpc::ServerContext*, const v1::DeleteRevisionRequest* request,
    v1::DeleteRevisionResponse*) {
  const std::lock_guard lock(mutex_);
  const grpc::Status status = Next();
  if (!status.ok()) return status;
  const auto gone = std::remove_if(
      revisions_.begin(), revisions_.end(),
      [&](const auto& r) { return r.revision_id() == request->revision_id(); });
  if (gone == revisions_.end()) {
    return {grpc::StatusCode::NOT_FOUND, "revision_id: no such revision"};
  }
  revisions_.erase(gone, revisions_.end());
  return grpc::Status::OK;
}

grpc::Status FakePolicyService::Rollback(grpc::ServerContext*,
                                         const v1::RollbackRequest* request,
                                         v1::RollbackResponse* response) {
  const std::lock_guard lock(mutex_);
  const grpc::Status status = Next();
  if (!status.ok()) return status;
  if (previous_.empty()) {
    return {grpc::StatusCode::FAILED_PRECONDITION, "no earlier revision"};
  }
  traffic_.set_active(std::exchange(previous_, ""));
  reason_ = request->reason();
  *response->mutable_traffic() = traffic_;
  return grpc::Status::OK;
}

grpc::Status FakePolicyService::Next() {
  ++calls_;
  return Pop(failures_).value_or(grpc::Status::OK);
}

void FakePolicyService::BreakAt(std::vector<int64_t> offsets) {
  const std::lock_guard lock(mutex_);
  breaks_.assign(offsets.begin(), offsets.end());
}

void FakePolicyService::FailPushes(std::vector<grpc::Status> failures) {
  const std::lock_guard lock(mutex_);
  push_failures_.assign(failures.begin(), failures.end());
}

void FakePolicyService::FailNext(std::vector<grpc::Status> failures) {
  const std::lock_guard lock(mutex_);
  failures_.assign(failures.begin(), failures.end());
}

void FakePolicyService::LoseNextAnswer() {
  const std::lock_guard lock(mutex_);
  lose_answer_ = true;
}

void FakePolicyService::AddRevisions(const std::vector<std::string>& ids) {
  const std::lock_guard lock(mutex_);
  for (const std::string& id : ids) {
    v1::Revision& revision = revisions_.emplace_back();
    revision.set_revision_id(id);
    revision.set_state(revisions_.size() == 1 ? v1::REVISION_STATE_ACTIVE
                                              : v1::REVISION_STATE_READY);
    revision.set_byte_size(1000 + static_cast<int64_t>(revisions_.size()));
    revision.mutable_push_time()->set_seconds(1'700'000'000);
    revision.mutable_manifest()->set_policy("movies");
    revision.mutable_manifest()->mutable_training()->set_learner("ppo");
  }
}

std::vector<std::string> FakePolicyService::stored() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> artifacts;
  for (const auto& [digest, bytes] : complete_) artifacts.push_back(bytes);
  return artifacts;
}

int FakePolicyService::pushes() const {
  const std::lock_guard lock(mutex_);
  return pushes_;
}

int FakePolicyService::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::string FakePolicyService::reason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

std::string FakePolicyService::active() const {
  const std::lock_guard lock(mutex_);
  return traffic_.active();
}

size_t FakePolicyService::largest_chunk() const {
  const std::lock_guard lock(mutex_);
  return largest_chunk_;
}

}  // namespace attune::testing
