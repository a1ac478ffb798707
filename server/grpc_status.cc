// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/grpc_status.h"

#include <string>

#include "absl/strings/ascii.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/error_reason.h"

namespace attune::server {
namespace {

void AddBadRequest(const std::string& message, google::rpc::Status* details) {
  const std::string field = FieldOf(message);
  if (field.empty()) return;
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field(field);
  violation->set_description(std::string(
      absl::StripAsciiWhitespace(message.substr(field.size() + 1))));
  details->add_details()->PackFrom(bad_request);
}

}  // namespace

std::string DetailsOf(const absl::Status& status) {
  const std::string message(status.message());
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status));
  info.set_domain("attune");
  details.add_details()->PackFrom(info);
  if (status.code() == absl::StatusCode::kInvalidArgument) {
    AddBadRequest(message, &details);
  }
  return details.SerializeAsString();
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()), DetailsOf(status));
}

}  // namespace attune::server
