// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace attune::redis {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(EndpointTest, ReadsEveryPart) {
  const auto endpoint = ParseUrl("redis://ann:pa%40ss@cache.example:6380/3");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->host, "cache.example");
  EXPECT_EQ(endpoint->port, 6380);
  EXPECT_EQ(endpoint->user, "ann");
  EXPECT_EQ(endpoint->password, "pa@ss");
  EXPECT_EQ(endpoint->database, 3);
  EXPECT_EQ(endpoint->Name(), "cache.example:6380/3");
}

TEST(EndpointTest, HasDefaults) {
  for (const char* url : {"redis://host", "redis://host/", "redis://host:6379",
                          "redis://host:6379/0"}) {
    const auto endpoint = ParseUrl(url);
    ASSERT_THAT(endpoint, IsOk()) << url;
    EXPECT_EQ(endpoint->Name(), "host:6379/0") << url;
    EXPECT_EQ(endpoint->user + endpoint->password, "") << url;
  }
}

TEST(EndpointTest, ReadsPasswordsWithoutUserAndWithSigns) {
  const auto endpoint = ParseUrl("redis://:p@s:s@h:1");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->user, "");
  EXPECT_EQ(endpoint->password, "p@s:s");
}

TEST(EndpointTest, ReadsAUserWhosePasswordIsElsewhere) {
  const auto endpoint = ParseUrl("redis://ann@h");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->user, "ann");
  EXPECT_EQ(endpoint->password, "");
}

TEST(EndpointTest, ReadsAddressesInBrackets) {
  const auto endpoint = ParseUrl("redis://[::1]:7000/1");
  ASSERT_THAT(endpoint, IsOk());
  EXPECT_EQ(endpoint->host, "::1");
  EXPECT_EQ(endpoint->Name(), "[::1]:7000/1");
}

TEST(EndpointTest, NamesWhatIsWrongAndNotThePassword) {
  const std::pair<const char*, const char*> bad[] = {
      {"", "begin with redis://"},
      {"host:6379", "begin with redis://"},
      {"rediss://u:secret@h", "TLS"},
      {"redis://", "no host"},
      {"redis://u:secret@", "no host"},
      {"redis://u:secret@:1", "no host"},
      {"redis://u:secret@h:0", "port"},
      {"redis://u:secret@h:65536", "port"},
      {"redis://u:secret@h:x", "port"},
      {"redis://u:secret@h:", "port"},
      {"redis://u:secret@h/x", "database"},
      {"redis://u:secret@h/-1", "database"},
      {"redis://u:secret%@h", "'%'"},
      {"redis://u:secret%zz@h", "'%'"},
      {"redis://u:@h", "password is empty"},
      {"redis://@h", "password is empty"},
      {"redis://u:secret@[::1", "']'"},
      {"redis://u:secret@[::1]7", "port"},
  };
  for (const auto& [url, what] : bad) {
    EXPECT_THAT(ParseUrl(url),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(what), Not(HasSubstr("secret")))))
        << url;
  }
}

}  // namespace
}  // namespace attune::redis
