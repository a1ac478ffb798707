// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/health.h"

#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/channel.h"
#include "google/protobuf/wrappers.pb.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(2);
// HealthCheckResponse.ServingStatus.
constexpr const char* kStates[] = {"UNKNOWN", "SERVING", "NOT_SERVING",
                                   "SERVICE_UNKNOWN"};
constexpr int kServing = 1;

// Debian ships no stubs of the health service. On the wire a HealthCheckRequest
// is a wrapper of a string, and a HealthCheckResponse one of a number.
using Request = google::protobuf::StringValue;
using Response = google::protobuf::Int32Value;

grpc::Status Check(grpc::ChannelInterface& channel,
                   grpc::ClientContext& context, const Request& request,
                   Response& response) {
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                         grpc::internal::RpcMethod::NORMAL_RPC);
  return grpc::internal::BlockingUnaryCall<Request, Response,
                                           grpc::protobuf::MessageLite,
                                           grpc::protobuf::MessageLite>(
      &channel, method, &context, request, &response);
}

std::string StateName(int state) {
  if (state < 0 || state >= static_cast<int>(std::size(kStates))) {
    return absl::StrCat(state);
  }
  return kStates[state];
}

}  // namespace

absl::Status CheckHealth(ClientOptions options, const std::string& service) {
  ATTUNE_ASSIGN_OR_RETURN(
      options, Complete(std::move(options), kDefaultServerTarget, kDeadline));
  ATTUNE_ASSIGN_OR_RETURN(const auto channel, MakeChannel(options));
  Request request;
  request.set_value(service);
  Response response;
  ATTUNE_RETURN_IF_ERROR(CallUnary(
      options, {.max_attempts = 1}, [&](grpc::ClientContext& context) {
        return Check(*channel, context, request, response);
      }));
  if (response.value() == kServing) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(service.empty() ? "the server" : service, " is ",
                   StateName(response.value())));
}

}  // namespace attune::client
