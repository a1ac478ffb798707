// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/prompt_client.h"

#include <utility>

#include "attune/v1/prompt_service.grpc.pb.h"
#include "client/channel.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(2);

bool IsServerAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

struct PromptClient::Impl {
  ClientOptions options;
  // Thread-safe; calls on it are const in spirit.
  std::unique_ptr<v1::PromptService::Stub> stub;
};

PromptClient::PromptClient(std::shared_ptr<const Impl> impl)
    : impl_(std::move(impl)) {}

absl::StatusOr<PromptClient> PromptClient::Create(ClientOptions options) {
  ATTUNE_ASSIGN_OR_RETURN(
      options, Complete(std::move(options), kDefaultServerTarget, kDeadline));
  ATTUNE_ASSIGN_OR_RETURN(auto channel, MakeChannel(options));
  auto impl = std::make_shared<Impl>();
  impl->stub = v1::PromptService::NewStub(channel);
  impl->options = std::move(options);
  return PromptClient(std::move(impl));
}

absl::StatusOr<Prompt> PromptClient::GetPrompt(
    const v1::GetPromptRequest& request) const {
  v1::GetPromptResponse response;
  ATTUNE_RETURN_IF_ERROR(CallUnary(
      impl_->options, impl_->options.retry, [&](grpc::ClientContext& context) {
        return impl_->stub->GetPrompt(&context, request, &response);
      }));
  return FromProto(response);
}

absl::StatusOr<Prompt> PromptClient::GetPromptOr(
    const v1::GetPromptRequest& request, Prompt fallback) const {
  absl::StatusOr<Prompt> prompt = GetPrompt(request);
  if (prompt.ok() || !IsServerAway(prompt.status())) return prompt;
  fallback.is_fallback = true;
  fallback.fallback_reason = prompt.status();
  return fallback;
}

absl::StatusOr<Prompt> PromptClient::PreviewPrompt(
    const v1::PreviewPromptRequest& request) const {
  v1::PreviewPromptResponse response;
  ATTUNE_RETURN_IF_ERROR(CallUnary(
      impl_->options, impl_->options.retry, [&](grpc::ClientContext& context) {
        return impl_->stub->PreviewPrompt(&context, request, &response);
      }));
  return FromProto(response);
}

}  // namespace attune::client
