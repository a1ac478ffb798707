// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/policy_client.h"

#include <utility>

#include "attune/v1/policy_service.grpc.pb.h"
#include "client/channel.h"
#include "client/file.h"
#include "client/push.h"
#include "policy/revision_signature.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(30);
constexpr int kPageSize = 200;
constexpr absl::Duration kWatchPause = absl::Milliseconds(200);

}  // namespace

struct PolicyClient::Impl {
  ClientOptions options;
  // Thread-safe; calls on it are const in spirit.
  std::unique_ptr<v1::PolicyService::Stub> stub;

  // Calls a unary method of the stub.
  template <typename Method, typename Request, typename Response>
  absl::Status Call(const RetryOptions& retry, Method method,
                    const Request& request, Response& response) const {
    return CallUnary(options, retry, [&](grpc::ClientContext& context) {
      return (stub.get()->*method)(&context, request, &response);
    });
  }
};

PolicyClient::PolicyClient(std::shared_ptr<const Impl> impl)
    : impl_(std::move(impl)) {}

absl::StatusOr<PolicyClient> PolicyClient::Create(ClientOptions options) {
  ATTUNE_ASSIGN_OR_RETURN(
      options, Complete(std::move(options), kDefaultControlTarget, kDeadline));
  ATTUNE_ASSIGN_OR_RETURN(auto channel, MakeChannel(options));
  auto impl = std::make_shared<Impl>();
  impl->stub = v1::PolicyService::NewStub(channel);
  impl->options = std::move(options);
  return PolicyClient(std::move(impl));
}

absl::StatusOr<v1::PushRevisionResponse> PolicyClient::PushRevision(
    std::string_view artifact, const PushOptions& options) const {
  return Push(*impl_->stub, impl_->options, artifact, options);
}

absl::StatusOr<v1::PushRevisionResponse> PolicyClient::PushRevisionFile(
    const std::string& path, const PushOptions& options) const {
  ATTUNE_ASSIGN_OR_RETURN(const std::string artifact, ReadFile(path));
  if (options.signature.has_value()) return PushRevision(artifact, options);
  auto signature = ReadSignatureFile(path + policy::kSignatureExtension);
  if (absl::IsNotFound(signature.status())) {
    return PushRevision(artifact, options);
  }
  ATTUNE_RETURN_IF_ERROR(signature.status());
  PushOptions with_signature = options;
  with_signature.signature = *std::move(signature);
  return PushRevision(artifact, with_signature);
}

absl::StatusOr<std::vector<v1::Revision>> PolicyClient::ListRevisions() const {
  std::vector<v1::Revision> revisions;
  v1::ListRevisionsRequest request;
  request.set_page_size(kPageSize);
  do {
    v1::ListRevisionsResponse response;
    ATTUNE_RETURN_IF_ERROR(impl_->Call(impl_->options.retry,
                                       &v1::PolicyService::Stub::ListRevisions,
                                       request, response));
    if (!request.page_token().empty() &&
        response.next_page_token() == request.page_token()) {
      return absl::InternalError("next_page_token: the server repeats itself");
    }
    for (auto& revision : *response.mutable_revisions()) {
      revisions.push_back(std::move(revision));
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return revisions;
}

absl::StatusOr<v1::Revision> PolicyClient::GetRevision(
    const std::string& revision_id) const {
  v1::GetRevisionRequest request;
  request.set_revision_id(revision_id);
  v1::GetRevisionResponse response;
  ATTUNE_RETURN_IF_ERROR(impl_->Call(impl_->options.retry,
                                     &v1::PolicyService::Stub::GetRevision,
                                     request, response));
  return response.revision();
}

absl::StatusOr<v1::Traffic> PolicyClient::SetTraffic(
    const v1::Traffic& traffic, const std::string& reason) const {
  v1::SetTrafficRequest request;
  request.set_reason(reason);
  *request.mutable_traffic() = traffic;
  v1::SetTrafficResponse response;
  ATTUNE_RETURN_IF_ERROR(impl_->Call(impl_->options.retry,
                                     &v1::PolicyService::Stub::SetTraffic,
                                     request, response));
  return response.traffic();
}

absl::StatusOr<v1::Traffic> PolicyClient::SetActive(
    const std::string& revision_id) const {
  v1::Traffic traffic;
  traffic.set_active(revision_id);
  return SetTraffic(traffic);
}

absl::StatusOr<v1::Traffic> PolicyClient::GetTraffic() const {
  v1::WatchRevisionsResponse first;
  ATTUNE_RETURN_IF_ERROR(CallUnary(
      impl_->options, impl_->options.retry, [&](grpc::ClientContext& context) {
        const auto stream = impl_->stub->WatchRevisions(&context, {});
        if (!stream->Read(&first)) return stream->Finish();
        context.TryCancel();
        stream->Finish();
        return grpc::Status::OK;
      }));
  return first.traffic();
}

absl::Status PolicyClient::DeleteRevision(const std::string& revision_id,
                                          const std::string& reason) const {
  v1::DeleteRevisionRequest request;
  request.set_revision_id(revision_id);
  request.set_reason(reason);
  v1::DeleteRevisionResponse response;
  return impl_->Call(impl_->options.retry,
                     &v1::PolicyService::Stub::DeleteRevision, request,
                     response);
}

absl::Status PolicyClient::WatchRevisions(
    const std::function<bool(const v1::WatchRevisionsResponse&)>& each) const {
  while (true) {
    bool ended = false;
    bool progress = false;
    const absl::Status status = CallUnary(
        impl_->options, impl_->options.retry,
        [&](grpc::ClientContext& context) {
          SetDeadline(absl::InfiniteFuture(), context);
          const auto stream = impl_->stub->WatchRevisions(&context, {});
          v1::WatchRevisionsResponse update;
          while (!ended && stream->Read(&update)) {
            progress = true;
            ended = !each(update);
          }
          if (ended) context.TryCancel();
          const grpc::Status finished = stream->Finish();
          // A stream that told something is not one more failed attempt.
          return ended || progress ? grpc::Status::OK : finished;
        });
    if (ended || !status.ok()) return status;
    // A server that ends every stream at once is not asked without a pause.
    impl_->options.clock.sleep(kWatchPause);
  }
}

absl::StatusOr<v1::Traffic> PolicyClient::Rollback(
    const std::string& reason) const {
  v1::RollbackRequest request;
  request.set_reason(reason);
  RetryOptions once = impl_->options.retry;
  once.max_attempts = 1;
  v1::RollbackResponse response;
  ATTUNE_RETURN_IF_ERROR(
      impl_->Call(once, &v1::PolicyService::Stub::Rollback, request, response));
  return response.traffic();
}

}  // namespace attune::client
