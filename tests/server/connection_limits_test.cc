// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/connection_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ConnectionLimitsTest, FollowTheSettings) {
  ServerConfig config;
  config.max_connections = 100;
  config.max_streams = 7;
  config.idle_timeout = absl::Seconds(9);
  const auto limits = DataLimits(config, 65536);
  ASSERT_THAT(limits, IsOk());
  EXPECT_EQ(limits->max_connections, 100);
  EXPECT_EQ(limits->max_connections_per_address, 1024);
  EXPECT_EQ(limits->max_streams, 7);
  EXPECT_EQ(limits->idle_timeout, absl::Seconds(9));
}

TEST(ConnectionLimitsTest, LeaveDescriptorsForEverythingElse) {
  const ServerConfig config;
  EXPECT_EQ(DataLimits(config, 1024)->max_connections, 256);
  // However few.
  EXPECT_EQ(DataLimits(config, 64)->max_connections, 8);
}

TEST(ConnectionLimitsTest, AHandshakeNeedsTime) {
  ServerConfig config;
  config.handshake_timeout = absl::ZeroDuration();
  EXPECT_THAT(DataLimits(config, 65536).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("handshake_timeout")));
}

TEST(ConnectionLimitsTest, KeepTheControlListenerSmallAndItsWatchers) {
  ServerConfig config;
  config.max_connection_age = absl::Minutes(1);
  const ConnectionLimits limits = ControlLimits(config);
  EXPECT_EQ(limits.max_connections, 128);
  EXPECT_EQ(limits.max_streams, 16);
  EXPECT_EQ(limits.max_connection_age, absl::ZeroDuration());
}

}  // namespace
}  // namespace attune::server
