// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/testing/redis_process.h"
#include "tests/testing/status_matchers.h"

namespace attune::redis {
namespace {

using attune::testing::IsOk;
using attune::testing::RedisProcess;
using attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(StreamTest, ReadsWhatRedisAnswers) {
  RedisProcess redis;
  redis.Run({"XADD", "s", "1-0", "b", "2", "a", "1"});
  redis.Run({"XADD", "s", "2-0", "c", ""});
  auto streams =
      TakeStreams(redis.Run({"XREAD", "STREAMS", "s", "t", "0", "0"}));
  ASSERT_THAT(streams, IsOk());
  ASSERT_THAT(*streams, SizeIs(1));
  EXPECT_EQ((*streams)[0].stream, "s");
  ASSERT_THAT((*streams)[0].entries, SizeIs(2));
  EXPECT_EQ((*streams)[0].entries[0].id, "1-0");
  EXPECT_THAT((*streams)[0].entries[0].fields,
              ElementsAre(Pair("a", "1"), Pair("b", "2")));
  EXPECT_THAT((*streams)[0].entries[1].fields, ElementsAre(Pair("c", "")));
  const auto none = TakeStreams(redis.Run({"XREAD", "STREAMS", "t", "0"}));
  ASSERT_THAT(none, IsOk());
  EXPECT_THAT(*none, IsEmpty());
}

TEST(StreamTest, ADeletedEntryHasNoFields) {
  RedisProcess redis;
  redis.Run({"XADD", "s", "1-0", "a", "1"});
  redis.Run({"XGROUP", "CREATE", "s", "g", "0"});
  redis.Run({"XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"});
  redis.Run({"XDEL", "s", "1-0"});
  auto streams = TakeStreams(
      redis.Run({"XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0"}));
  ASSERT_THAT(streams, IsOk());
  ASSERT_THAT((*streams)[0].entries, SizeIs(1));
  EXPECT_EQ((*streams)[0].entries[0].id, "1-0");
  EXPECT_THAT((*streams)[0].entries[0].fields, IsEmpty());
}

TEST(StreamTest, AnotherFormIsNone) {
  EXPECT_THAT(TakeStreams(Reply("x")), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(TakeEntries(Reply(Reply::List{Reply(1)})),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(TakeEntries(Reply(Reply::List{Reply(Reply::List{Reply("1-0")})})),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace attune::redis
