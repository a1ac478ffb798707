// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/grpc_status.h"

#include <gtest/gtest.h>

#include "server/error_reason.h"
#include "tests/server/rpc_error.h"

namespace attune::server {
namespace {

TEST(ToGrpcStatusTest, KeepsEveryCodeAndTheMessage) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  for (int code = 1; code <= 16; ++code) {
    const auto status =
        ToGrpcStatus(absl::Status(static_cast<absl::StatusCode>(code), "why"));
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "why");
    EXPECT_EQ(ErrorOf(status).domain, "attune");
    EXPECT_EQ(ErrorOf(status).reason,
              absl::StatusCodeToString(static_cast<absl::StatusCode>(code)));
  }
}

TEST(ToGrpcStatusTest, NamesTheFieldOfAnInvalidArgument) {
  const auto error = ErrorOf(ToGrpcStatus(
      absl::InvalidArgumentError("history[3].title: longer than 2048 bytes")));
  EXPECT_EQ(error.reason, "INVALID_FIELD");
  EXPECT_EQ(error.field, "history[3].title");
  EXPECT_EQ(error.description, "longer than 2048 bytes");
}

TEST(ToGrpcStatusTest, GivesNoFieldWhereThereIsNone) {
  EXPECT_EQ(ErrorOf(ToGrpcStatus(absl::InvalidArgumentError("no field"))).field,
            "");
  EXPECT_EQ(ErrorOf(ToGrpcStatus(absl::InvalidArgumentError(": x"))).field, "");
  EXPECT_EQ(
      ErrorOf(ToGrpcStatus(absl::InvalidArgumentError("two words: x"))).field,
      "");
  EXPECT_EQ(ErrorOf(ToGrpcStatus(absl::NotFoundError("revision: x"))).field,
            "");
}

TEST(ToGrpcStatusTest, CarriesTheReason) {
  const auto status =
      ToGrpcStatus(WithReason(absl::AbortedError("busy"), "PUSH_UNDER_WAY"));
  EXPECT_EQ(ErrorOf(status).reason, "PUSH_UNDER_WAY");
}

}  // namespace
}  // namespace attune::server
