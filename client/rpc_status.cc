// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/rpc_status.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace attune::client {
namespace {

// Appends what `detail` says and `message` does not say yet.
void AppendBadRequest(const google::rpc::BadRequest& detail,
                      std::string& message) {
  for (const auto& violation : detail.field_violations()) {
    const std::string text =
        absl::StrCat(violation.field(), ": ", violation.description());
    if (absl::StrContains(message, text)) continue;
    absl::StrAppend(&message, message.empty() ? "" : "; ", text);
  }
}

std::string WithDetails(const grpc::Status& status) {
  std::string message = status.error_message();
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return message;
  std::string reason;
  for (const auto& any : rich.details()) {
    google::rpc::BadRequest bad_request;
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&bad_request)) AppendBadRequest(bad_request, message);
    if (any.UnpackTo(&info)) reason = info.reason();
  }
  if (!reason.empty()) absl::StrAppend(&message, " [", reason, "]");
  return message;
}

}  // namespace

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      WithDetails(status));
}

}  // namespace attune::client
