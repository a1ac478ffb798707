// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::StatusIs;

TEST(LogTest, WritesOneJsonObjectALine) {
  EXPECT_EQ(LogLine(LogLevel::kInfo, "listening",
                    {{"port", 7}, {"address", "::1"}, {"seconds", 0.5}}),
            R"({"level":"info","message":"listening","port":7,)"
            R"("address":"::1","seconds":0.5})");
}

TEST(LogTest, EscapesWhatCouldBreakTheLine) {
  EXPECT_EQ(LogLine(LogLevel::kWarning, "a\"b\nc", {{"k", "\x01\\"}}),
            R"({"level":"warning","message":"a\"b\nc","k":"\u0001\\"})");
}

TEST(LogTest, ReplacesInvalidUtf8) {
  EXPECT_EQ(LogLine(LogLevel::kError, "x\xff", {}),
            "{\"level\":\"error\",\"message\":\"x\xEF\xBF\xBD\"}");
}

TEST(LogTest, ParsesLevelNames) {
  EXPECT_EQ(ParseLogLevel("debug").value(), LogLevel::kDebug);
  EXPECT_EQ(ParseLogLevel("off").value(), LogLevel::kOff);
  EXPECT_THAT(ParseLogLevel("loud"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace attune::server
