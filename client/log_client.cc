// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/log_client.h"

#include <utility>

#include "attune/v1/log_service.grpc.pb.h"
#include "client/channel.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

// Erasing takes as long as copying the log.
constexpr absl::Duration kDeadline = absl::Minutes(2);

}  // namespace

struct LogClient::Impl {
  ClientOptions options;
  // Thread-safe; calls on it are const in spirit.
  std::unique_ptr<v1::LogService::Stub> stub;
};

LogClient::LogClient(std::shared_ptr<const Impl> impl)
    : impl_(std::move(impl)) {}

absl::StatusOr<LogClient> LogClient::Create(ClientOptions options) {
  ATTUNE_ASSIGN_OR_RETURN(
      options, Complete(std::move(options), kDefaultControlTarget, kDeadline));
  ATTUNE_ASSIGN_OR_RETURN(auto channel, MakeChannel(options));
  auto impl = std::make_shared<Impl>();
  impl->stub = v1::LogService::NewStub(channel);
  impl->options = std::move(options);
  return LogClient(std::move(impl));
}

absl::StatusOr<ReadSummary> LogClient::ReadDecisions(
    const ReadOptions& options,
    const std::function<void(const v1::LoggedDecision&)>& each) const {
  ReadSummary summary;
  v1::ListDecisionsRequest request;
  request.set_only_with_feedback(options.only_with_feedback);
  do {
    v1::ListDecisionsResponse page;
    ATTUNE_RETURN_IF_ERROR(CallUnary(impl_->options, impl_->options.retry,
                                     [&](grpc::ClientContext& context) {
                                       return impl_->stub->ListDecisions(
                                           &context, request, &page);
                                     }));
    for (const v1::LoggedDecision& decision : page.decisions()) {
      each(decision);
      summary.with_feedback += decision.has_feedback() ? 1 : 0;
      summary.apprentice += decision.mode() == v1::DECISION_MODE_APPRENTICE;
    }
    summary.decisions += page.decisions_size();
    summary.damaged += page.damaged_records();
    if (!page.next_page_token().empty() &&
        page.next_page_token() == request.page_token()) {
      return absl::InternalError("next_page_token: the server repeats itself");
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return summary;
}

absl::StatusOr<v1::ForgetUserResponse> LogClient::ForgetUser(
    const std::string& user_id) const {
  v1::ForgetUserRequest request;
  request.set_user_id(user_id);
  v1::ForgetUserResponse response;
  ATTUNE_RETURN_IF_ERROR(CallUnary(
      impl_->options, impl_->options.retry, [&](grpc::ClientContext& context) {
        return impl_->stub->ForgetUser(&context, request, &response);
      }));
  return response;
}

}  // namespace attune::client
