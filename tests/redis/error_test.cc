// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace attune::redis {
namespace {

using ::attune::testing::StatusIs;
using Code = absl::StatusCode;

TEST(RedisErrorTest, GoesByTheFirstWord) {
  struct Case {
    const char* message;
    Code code;
    const char* kind;
    bool transient;
    bool about_connection;
  };
  const Case cases[] = {
      {"WRONGPASS invalid username-password pair", Code::kUnauthenticated,
       "unauthenticated", true, true},
      {"NOAUTH Authentication required.", Code::kUnauthenticated,
       "unauthenticated", true, true},
      {"ERR Client sent AUTH, but no password is set", Code::kUnauthenticated,
       "unauthenticated", true, true},
      {"NOPERM this user has no permissions", Code::kPermissionDenied,
       "permission", true, true},
      {"READONLY You can't write against a read only replica.",
       Code::kFailedPrecondition, "readonly", true, true},
      {"OOM command not allowed when used memory > 'maxmemory'.",
       Code::kResourceExhausted, "oom", true, false},
      {"LOADING Redis is loading the dataset in memory", Code::kUnavailable,
       "unavailable", true, true},
      {"MISCONF Redis is configured to save RDB snapshots", Code::kUnavailable,
       "unavailable", true, true},
      {"ERR max number of clients reached", Code::kUnavailable, "unavailable",
       true, true},
      {"WRONGTYPE Operation against a key", Code::kFailedPrecondition, "other",
       false, false},
      {"BUSYGROUP Consumer Group name already exists", Code::kAlreadyExists,
       "other", false, false},
      {"NOGROUP No such key", Code::kNotFound, "other", false, false},
      {"UNBLOCKED the stream key no longer exists", Code::kNotFound, "other",
       false, false},
      {"ERR unknown command", Code::kInternal, "other", false, false},
      {"", Code::kInternal, "other", false, false},
  };
  for (const Case& one : cases) {
    const absl::Status status = ErrorOf("h:1/0", one.message);
    EXPECT_THAT(status,
                StatusIs(one.code, std::string("redis h:1/0: ") + one.message));
    EXPECT_STREQ(KindOf(status), one.kind) << one.message;
    EXPECT_EQ(IsTransient(status), one.transient) << one.message;
    EXPECT_EQ(IsAboutConnection(status), one.about_connection) << one.message;
  }
}

}  // namespace
}  // namespace attune::redis
