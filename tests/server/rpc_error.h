// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_RPC_ERROR_H_
#define ATTUNE_TESTS_SERVER_RPC_ERROR_H_

// What a client can read from the details of an error.

#include <grpcpp/support/status.h>

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace attune::server {

struct RpcError {
  std::string reason;
  std::string domain;
  // Of the first field violation.
  std::string field;
  std::string description;
};

inline RpcError ErrorOf(const grpc::Status& status) {
  RpcError error;
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return error;
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&info)) {
      error.reason = info.reason();
      error.domain = info.domain();
    }
    if (detail.UnpackTo(&bad_request)) {
      error.field = bad_request.field_violations(0).field();
      error.description = bad_request.field_violations(0).description();
    }
  }
  return error;
}

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_RPC_ERROR_H_
