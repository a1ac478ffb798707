// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/prompt_client.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "attune/v1/prompt_service.grpc.pb.h"
#include "client/channel.h"
#include "client/rpc_status.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(2);
constexpr char kTraceparent[] = "traceparent";

bool IsServerAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

// A random UUID, version 4.
std::string RandomUuid() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  const uint64_t high = (generator() & ~0xF000ULL) | 0x4000ULL;
  const uint64_t low = (generator() >> 2) | 0x8000000000000000ULL;
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32,
                         (high >> 16) & 0xFFFF, high & 0xFFFF, low >> 48,
                         low & 0xFFFFFFFFFFFFULL);
}

bool MayBeHeader(const std::string& value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

// gRPC fails a call, and says INTERNAL, for metadata that is none.
absl::Status Check(const CallOptions& call) {
  if (MayBeHeader(call.traceparent) && MayBeHeader(call.tracestate)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "traceparent, tracestate: must be printable ASCII");
}

// Puts the call into its trace.
void SetTrace(const CallOptions& call, grpc::ClientContext& context) {
  if (call.traceparent.empty()) return;
  context.AddMetadata(kTraceparent, call.traceparent);
  if (call.tracestate.empty()) return;
  context.AddMetadata("tracestate", call.tracestate);
}

std::string TraceparentOf(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(kTraceparent);
  if (found == trailers.end()) return "";
  return {found->second.data(), found->second.size()};
}

// Enough for the server to have work while the next ones are on their way.
constexpr size_t kCallsInMessage = 16;

using Requests = absl::Span<const v1::GetPromptRequest>;
using Stream = grpc::ClientReaderWriter<v1::StreamPromptsRequest,
                                        v1::StreamPromptsResponse>;

void WriteCalls(Requests requests, Stream& stream) {
  if (requests.empty()) return;
  v1::StreamPromptsRequest message;
  for (const v1::GetPromptRequest& request :
       requests.subspan(0, kCallsInMessage)) {
    *message.add_calls()->mutable_request() = request;
  }
  // A stream that is broken says so at the next Read.
  stream.Write(message);
}

absl::StatusOr<Prompt> ResultFromProto(const v1::PromptResult& result) {
  if (result.has_response()) return FromProto(result.response());
  return FromGrpcStatus(grpc::Status(
      static_cast<grpc::StatusCode>(result.status().code()),
      result.status().message(), result.status().SerializeAsString()));
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
    const v1::GetPromptRequest& request, const CallOptions& call) const {
  ATTUNE_RETURN_IF_ERROR(Check(call));
  v1::GetPromptResponse response;
  std::string traceparent;
  ATTUNE_RETURN_IF_ERROR(CallUnary(
      impl_->options, impl_->options.retry, [&](grpc::ClientContext& context) {
        SetTrace(call, context);
        grpc::Status status =
            impl_->stub->GetPrompt(&context, request, &response);
        traceparent = TraceparentOf(context);
        return status;
      }));
  ATTUNE_ASSIGN_OR_RETURN(Prompt prompt, FromProto(response));
  prompt.traceparent = std::move(traceparent);
  return prompt;
}

absl::StatusOr<Prompt> PromptClient::GetPromptOr(
    const v1::GetPromptRequest& request, Prompt fallback,
    const CallOptions& call) const {
  absl::StatusOr<Prompt> prompt = GetPrompt(request, call);
  if (prompt.ok() || !IsServerAway(prompt.status())) return prompt;
  fallback.is_fallback = true;
  fallback.fallback_reason = prompt.status();
  return fallback;
}

absl::StatusOr<v1::RecordFeedbackResponse> PromptClient::RecordFeedback(
    v1::RecordFeedbackRequest request, const CallOptions& call) const {
  ATTUNE_RETURN_IF_ERROR(Check(call));
  if (request.request_id().empty()) request.set_request_id(RandomUuid());
  v1::RecordFeedbackResponse response;
  ATTUNE_RETURN_IF_ERROR(CallUnary(
      impl_->options, impl_->options.retry, [&](grpc::ClientContext& context) {
        SetTrace(call, context);
        return impl_->stub->RecordFeedback(&context, request, &response);
      }));
  return response;
}

std::vector<absl::StatusOr<Prompt>> PromptClient::GetPrompts(
    Requests requests, const CallOptions& call) const {
  const absl::Status good = Check(call);
  if (!good.ok()) {
    return std::vector<absl::StatusOr<Prompt>>(requests.size(), good);
  }
  grpc::ClientContext context;
  SetTrace(call, context);
  SetDeadline(impl_->options.clock.now() + impl_->options.deadline, context);
  const auto stream = impl_->stub->StreamPrompts(&context);
  std::vector<absl::StatusOr<Prompt>> results;
  results.reserve(requests.size());
  v1::StreamPromptsResponse response;
  // One message is always ahead of the one whose answer is awaited.
  Requests unsent = requests;
  const auto write = [&] {
    WriteCalls(unsent, *stream);
    unsent.remove_prefix(std::min(kCallsInMessage, unsent.size()));
  };
  write();
  while (results.size() < requests.size()) {
    write();
    if (!stream->Read(&response)) break;
    for (const v1::PromptResult& result : response.results()) {
      if (results.size() == requests.size()) break;
      results.push_back(ResultFromProto(result));
    }
  }
  stream->WritesDone();
  absl::Status status = FromGrpcStatus(stream->Finish());
  if (results.size() == requests.size()) return results;
  if (status.ok()) status = absl::InternalError("the stream ended early");
  results.resize(requests.size(), status);
  return results;
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
