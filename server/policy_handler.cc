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
namespace {

// The note of an order.
template <typename Request>
absl::StatusOr<ChangeNote> NoteOf(const Request& request,
                                  const std::string& who) {
  if (request.reason().size() > kMaxReasonBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("reason: longer than ", kMaxReasonBytes, " bytes"));
  }
  return ChangeNote{.who = who, .reason = request.reason()};
}

// Whether an artifact was refused for what it is: pushed again, it would be
// refused again.
bool IsNoGood(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status) ||
         absl::IsFailedPrecondition(status);
}

}  // namespace

PolicyHandler::PolicyHandler(RevisionRegistry* registry, UploadArea* uploads,
                             Pace* pace, Metrics* metrics)
    : registry_(*registry),
      uploads_(*uploads),
      pace_(*pace),
      metrics_(*metrics) {}

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
  const TrafficPlan traffic = registry_.Plan();
  for (auto stored = begin; stored != end; ++stored) {
    RevisionToProto(*stored, traffic, ManifestView::kBasic,
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
  RevisionToProto(stored, registry_.Plan(), ManifestView::kFull,
                  response->mutable_revision());
  return absl::OkStatus();
}

absl::Status PolicyHandler::SetTraffic(const v1::SetTrafficRequest& request,
                                       const std::string& who,
                                       v1::SetTrafficResponse* response) const {
  ATTUNE_ASSIGN_OR_RETURN(const ChangeNote note, NoteOf(request, who));
  if (request.traffic().has_canary() &&
      request.traffic().canary().revision().empty()) {
    return absl::InvalidArgumentError("traffic.canary.revision: required");
  }
  ATTUNE_RETURN_IF_ERROR(
      Told("traffic set",
           registry_.SetTraffic(TrafficFromProto(request.traffic()), note)));
  TrafficToProto(registry_.Plan(), response->mutable_traffic());
  return absl::OkStatus();
}

absl::Status PolicyHandler::Rollback(const v1::RollbackRequest& request,
                                     const std::string& who,
                                     v1::RollbackResponse* response) const {
  ATTUNE_ASSIGN_OR_RETURN(const ChangeNote note, NoteOf(request, who));
  ATTUNE_RETURN_IF_ERROR(Told("rolled back", registry_.Rollback(note)));
  TrafficToProto(registry_.Plan(), response->mutable_traffic());
  return absl::OkStatus();
}

absl::Status PolicyHandler::DeleteRevision(
    const v1::DeleteRevisionRequest& request, const std::string& who,
    v1::DeleteRevisionResponse*) const {
  ATTUNE_ASSIGN_OR_RETURN(const ChangeNote note, NoteOf(request, who));
  ATTUNE_RETURN_IF_ERROR(registry_.Delete(request.revision_id(), note));
  Log(LogLevel::kInfo, "revision deleted",
      {{"revision", request.revision_id()}});
  return absl::OkStatus();
}

absl::Status PolicyHandler::Told(const char* what,
                                 const absl::Status& status) const {
  metrics_.CountActivation(status);
  ATTUNE_RETURN_IF_ERROR(status);
  const TrafficPlan plan = registry_.Plan();
  Log(LogLevel::kInfo, what,
      {{"revision", plan.active},
       {"canary", plan.canary},
       {"shadow", plan.shadow}});
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
  ATTUNE_RETURN_IF_ERROR(upload_->Append(message.data()));
  progress_(static_cast<int64_t>(message.data().size()));
  return absl::OkStatus();
}

absl::Status PushSession::OnHeader(const v1::PushRevisionHeader& header) {
  if (upload_ != nullptr) {
    return absl::InvalidArgumentError("header: only in the first message");
  }
  claims_ = {.digest = header.digest(), .activate = header.activate()};
  if (header.has_signature()) claims_.signature = header.signature();
  ATTUNE_RETURN_IF_ERROR(handler_.registry_.CheckPush(claims_));
  if (handler_.registry_.Contains(header.digest())) {
    stored_id_ = policy::RevisionIdOfDigest(header.digest());
    return absl::OkStatus();
  }
  ATTUNE_ASSIGN_OR_RETURN(
      upload_, handler_.uploads_.Begin(header.digest(), header.byte_size(),
                                       header.offset(), progress_));
  return absl::OkStatus();
}

absl::Status PushSession::OnEnd(v1::PushRevisionResponse* response) {
  response->set_already_stored(is_answered());
  if (is_answered()) {
    ATTUNE_RETURN_IF_ERROR(handler_.registry_.Confirm(stored_id_, claims_));
  } else {
    if (upload_ == nullptr) {
      return absl::InvalidArgumentError(
          "header: the first message must carry it");
    }
    ATTUNE_RETURN_IF_ERROR(upload_->Finish());
    auto stored = handler_.registry_.Add(upload_->path(), claims_, progress_);
    if (!stored.ok()) {
      if (IsNoGood(stored.status())) upload_->Discard();
      return stored.status();
    }
    stored_id_ = stored->revision->id();
    Log(LogLevel::kInfo, "revision stored",
        {{"revision", stored_id_},
         {"byte_size", stored->revision->byte_size()}});
  }
  ATTUNE_RETURN_IF_ERROR(handler_.registry_.Share(stored_id_));
  if (claims_.activate) {
    // Who gave up may have ordered something else since.
    if (is_cancelled_()) return absl::CancelledError("cancelled");
    ATTUNE_RETURN_IF_ERROR(
        handler_.Told("revision active",
                      handler_.registry_.Activate(stored_id_, {.who = who_})));
  }
  ATTUNE_ASSIGN_OR_RETURN(const StoredRevision stored,
                          handler_.registry_.Get(stored_id_));
  RevisionToProto(stored, handler_.registry_.Plan(), ManifestView::kBasic,
                  response->mutable_revision());
  return absl::OkStatus();
}

}  // namespace attune::server
