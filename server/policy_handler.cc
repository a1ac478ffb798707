// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/policy_handler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "server/convert.h"
#include "server/log.h"

namespace attune::server {

PolicyHandler::PolicyHandler(RevisionRegistry* registry, UploadArea* uploads,
                             Metrics* metrics)
    : registry_(*registry), uploads_(*uploads), metrics_(*metrics) {}

absl::Status PolicyHandler::GetPushOffset(
    const v1::GetPushOffsetRequest& request,
    v1::GetPushOffsetResponse* response) const {
  ATTUNE_ASSIGN_OR_RETURN(const int64_t offset,
                          uploads_.OffsetOf(request.digest()));
  response->set_offset(offset);
  response->set_complete(registry_.Contains(request.digest()));
  return absl::OkStatus();
}

absl::Status PolicyHandler::ListRevisions(
    const v1::ListRevisionsRequest& request,
    v1::ListRevisionsResponse* response) const {
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("page_size: must be 0 to ", kMaxPageSize));
  }
  const auto revisions = registry_.List();
  // A page token is the id of the last revision of the page before.
  auto begin = revisions.begin();
  if (!request.page_token().empty()) {
    begin = std::find_if(begin, revisions.end(), [&](const auto& stored) {
      return stored.revision->id() == request.page_token();
    });
    if (begin == revisions.end()) {
      return absl::InvalidArgumentError("page_token: not one of ours");
    }
    ++begin;
  }
  const int64_t page_size =
      request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  const auto end =
      begin + std::min<int64_t>(page_size, revisions.end() - begin);
  const std::string active = registry_.Current()->id();
  for (auto stored = begin; stored != end; ++stored) {
    RevisionToProto(*stored, active, ManifestView::kBasic,
                    response->add_revisions());
  }
  if (end != revisions.end()) {
    response->set_next_page_token(std::prev(end)->revision->id());
  }
  return absl::OkStatus();
}

absl::Status PolicyHandler::GetRevision(
    const v1::GetRevisionRequest& request,
    v1::GetRevisionResponse* response) const {
  ATTUNE_ASSIGN_OR_RETURN(const StoredRevision stored,
                          registry_.Get(request.revision_id()));
  RevisionToProto(stored, registry_.Current()->id(), ManifestView::kFull,
                  response->mutable_revision());
  return absl::OkStatus();
}

absl::Status PolicyHandler::SetTraffic(const v1::SetTrafficRequest& request,
                                       v1::SetTrafficResponse* response) const {
  const v1::Traffic& traffic = request.traffic();
  if (traffic.has_canary() || !traffic.shadow().empty()) {
    return absl::UnimplementedError(
        "traffic: canary and shadow are not in this release");
  }
  if (traffic.active().empty()) {
    return absl::InvalidArgumentError("traffic.active: required");
  }
  ATTUNE_RETURN_IF_ERROR(Activate(traffic.active()));
  response->mutable_traffic()->set_active(registry_.Current()->id());
  return absl::OkStatus();
}

absl::Status PolicyHandler::Rollback(const v1::RollbackRequest&,
                                     v1::RollbackResponse* response) const {
  const absl::Status status = registry_.Rollback();
  metrics_.CountActivation(status);
  ATTUNE_RETURN_IF_ERROR(status);
  const std::string id = registry_.Current()->id();
  Log(LogLevel::kInfo, "rolled back", {{"revision", id}});
  response->mutable_traffic()->set_active(id);
  return absl::OkStatus();
}

absl::Status PolicyHandler::Activate(const std::string& id) const {
  const absl::Status status = registry_.Activate(id);
  metrics_.CountActivation(status);
  ATTUNE_RETURN_IF_ERROR(status);
  Log(LogLevel::kInfo, "revision active", {{"revision", id}});
  return absl::OkStatus();
}

absl::Status PushSession::OnMessage(const v1::PushRevisionRequest& message) {
  if (message.has_header()) return OnHeader(message.header());
  if (upload_ == nullptr) {
    return absl::InvalidArgumentError(
        "header: the first message must carry it");
  }
  if (message.data().empty() || message.data().size() > kMaxChunkBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("data: must be 1 to ", kMaxChunkBytes, " bytes"));
  }
  return upload_->Append(message.data());
}

absl::Status PushSession::OnHeader(const v1::PushRevisionHeader& header) {
  if (upload_ != nullptr) {
    return absl::InvalidArgumentError("header: only in the first message");
  }
  activate_ = header.activate();
  if (handler_.registry_.Contains(header.digest())) {
    stored_id_ = header.digest().substr(0, 16);
    return absl::OkStatus();
  }
  ATTUNE_ASSIGN_OR_RETURN(
      upload_, handler_.uploads_.Begin(header.digest(), header.byte_size(),
                                       header.offset()));
  return absl::OkStatus();
}

absl::Status PushSession::OnEnd(v1::PushRevisionResponse* response) {
  response->set_already_stored(is_answered());
  if (!is_answered()) {
    if (upload_ == nullptr) {
      return absl::InvalidArgumentError(
          "header: the first message must carry it");
    }
    ATTUNE_RETURN_IF_ERROR(upload_->Finish());
    auto stored = handler_.registry_.Add(upload_->path());
    if (!stored.ok()) {
      if (absl::IsInvalidArgument(stored.status())) upload_->Discard();
      return stored.status();
    }
    stored_id_ = stored->revision->id();
    Log(LogLevel::kInfo, "revision stored",
        {{"revision", stored_id_},
         {"byte_size", stored->revision->byte_size()}});
  }
  if (activate_) ATTUNE_RETURN_IF_ERROR(handler_.Activate(stored_id_));
  ATTUNE_ASSIGN_OR_RETURN(const StoredRevision stored,
                          handler_.registry_.Get(stored_id_));
  RevisionToProto(stored, handler_.registry_.Current()->id(),
                  ManifestView::kBasic, response->mutable_revision());
  return absl::OkStatus();
}

}  // namespace attune::server
