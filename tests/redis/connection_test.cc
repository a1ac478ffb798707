// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/redis_process.h"
#include "tests/testing/status_matchers.h"

namespace attune::redis {
namespace {

using ::attune::testing::FreePort;
using ::attune::testing::IsOk;
using ::attune::testing::RedisProcess;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;

// Options whose time stands still, so that nothing connects again before the test
// says so.
class ConnectionTest : public ::testing::Test {
 protected:
  Connection::Options Options(Endpoint endpoint) {
    return {.endpoint = std::move(endpoint),
            .command_timeout = absl::Milliseconds(300),
            .clock = [this] { return now_; },
            .random = [] { return 0.5; }};
  }
  void Wait() { now_ += absl::Seconds(10); }

  absl::Time now_ = absl::FromUnixSeconds(1000);
};

TEST_F(ConnectionTest, RunsCommandsOfAnyBytes) {
  RedisProcess server;
  Connection connection(Options(server.endpoint()));
  const std::string bytes("a\0\r\n\xFF", 5);
  EXPECT_THAT(connection.Run({"SET", "key", bytes}), IsOk());
  auto value = connection.Run({"GET", "key"});
  ASSERT_THAT(value, IsOk());
  EXPECT_EQ(value->TakeString().value(), bytes);
  auto none = connection.Run({"GET", "other"});
  ASSERT_THAT(none, IsOk());
  EXPECT_TRUE(none->is_nil());
  EXPECT_THAT(none->Int(), StatusIs(Code::kInternal, HasSubstr("nothing")));
  EXPECT_EQ(connection.Run({"INCR", "count"})->Int().value(), 1);
  auto both = connection.RunAll({{"INCR", "count"}, {"MGET", "key", "other"}});
  ASSERT_THAT(both, IsOk());
  EXPECT_EQ((*both)[0].Int().value(), 2);
  EXPECT_EQ((*both)[1].TakeList()->size(), 2u);
  auto script =
      connection.RunScript("return redis.call('GET', KEYS[1])", {"count"}, {});
  ASSERT_THAT(script, IsOk());
  EXPECT_EQ(script->Int().value(), 2);
  EXPECT_EQ(connection.connects(), 1);
}

TEST_F(ConnectionTest, AnErrorReplyLeavesTheConnectionAndTheOthersAlone) {
  RedisProcess server;
  Connection connection(Options(server.endpoint()));
  EXPECT_THAT(
      connection.RunAll({{"SET", "a", "x"}, {"INCR", "a"}, {"SET", "b", "y"}}),
      StatusIs(Code::kInternal, HasSubstr("not an integer")));
  EXPECT_EQ(connection.Run({"GET", "b"})->TakeString().value(), "y");
  EXPECT_EQ(connection.connects(), 1);
}

TEST_F(ConnectionTest, ComesBackAfterAKillButNotBeforeItsTime) {
  RedisProcess server({"--appendonly", "yes", "--appendfsync", "always"});
  Connection connection(Options(server.endpoint()));
  ASSERT_THAT(connection.Run({"SET", "key", "kept"}), IsOk());
  server.Kill();
  EXPECT_THAT(connection.Run({"GET", "key"}), StatusIs(Code::kUnavailable));
  server.Start();
  EXPECT_THAT(connection.Run({"GET", "key"}), StatusIs(Code::kUnavailable));
  EXPECT_EQ(connection.next_attempt(), now_ + absl::Milliseconds(75));
  Wait();
  EXPECT_EQ(connection.Run({"GET", "key"})->TakeString().value(), "kept");
  EXPECT_EQ(connection.connects(), 2);
}

TEST_F(ConnectionTest, NobodyListens) {
  Connection connection(Options({.host = "127.0.0.1", .port = FreePort()}));
  EXPECT_THAT(connection.Run({"PING"}),
              StatusIs(Code::kUnavailable, HasSubstr("refused")));
  EXPECT_FALSE(connection.is_connected());
}

TEST_F(ConnectionTest, AStoppedServerTimesOut) {
  RedisProcess server;
  Connection connection(Options(server.endpoint()));
  ASSERT_THAT(connection.Run({"PING"}), IsOk());
  server.Pause();
  EXPECT_THAT(connection.Run({"PING"}),
              StatusIs(Code::kUnavailable, HasSubstr("timed out")));
  // It takes connections all the same.
  Wait();
  EXPECT_THAT(connection.Run({"PING"}),
              StatusIs(Code::kUnavailable, HasSubstr("timed out")));
  server.Resume();
  Wait();
  EXPECT_THAT(connection.Run({"PING"}), IsOk());
}

TEST_F(ConnectionTest, ACommandMayBlockForLongerThanTheTimeout) {
  RedisProcess server;
  Connection connection(Options(server.endpoint()));
  auto reply =
      connection.Run({"BLPOP", "nothing", "0.5"}, absl::Milliseconds(500));
  ASSERT_THAT(reply, IsOk());
  EXPECT_TRUE(reply->is_nil());
}

TEST_F(ConnectionTest, SaysThatThePasswordIsWrongAndNotWhichItWas) {
  RedisProcess server({"--requirepass", "right"});
  Endpoint endpoint = server.endpoint();
  Connection none(Options(endpoint));
  EXPECT_THAT(none.Run({"PING"}), StatusIs(Code::kUnauthenticated));
  endpoint.password = "wrong";
  Connection connection(Options(endpoint));
  EXPECT_THAT(connection.Run({"PING"}),
              StatusIs(Code::kUnauthenticated, Not(HasSubstr("wrong "))));
  // A new password is tried at once.
  connection.SetPassword("right");
  EXPECT_THAT(connection.Run({"PING"}), IsOk());
  EXPECT_THAT(connection.Run(
                  {"ACL", "SETUSER", "ann", "on", ">secret", "~a*", "+@all"}),
              IsOk());
  endpoint.user = "ann";
  endpoint.password = "secret";
  Connection ann(Options(endpoint));
  EXPECT_THAT(ann.Run({"SET", "a1", "x"}), IsOk());
  EXPECT_THAT(ann.Run({"SET", "b1", "x"}), StatusIs(Code::kPermissionDenied));
}

TEST_F(ConnectionTest, APasswordThatNobodyAskedForIsAnError) {
  RedisProcess server;
  Endpoint endpoint = server.endpoint();
  endpoint.password = "needless";
  Connection connection(Options(endpoint));
  EXPECT_THAT(connection.Run({"PING"}), StatusIs(Code::kUnauthenticated));
}

TEST_F(ConnectionTest, AFullServerRefusesAndTheConnectionStays) {
  RedisProcess server;
  Connection connection(Options(server.endpoint()));
  server.Run({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_THAT(connection.Run({"SET", "a", "x"}),
              StatusIs(Code::kResourceExhausted, HasSubstr("OOM")));
  // Scripts write all or nothing.
  EXPECT_THAT(connection.RunScript("redis.call('SET', KEYS[1], 'x')"
                                   "redis.call('SET', KEYS[2], 'x')",
                                   {"a", "b"}, {}),
              StatusIs(Code::kResourceExhausted));
  server.Run({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(connection.Run({"EXISTS", "a", "b"})->Int().value(), 0);
  EXPECT_EQ(connection.connects(), 1);
}

TEST_F(ConnectionTest, AReplicaIsLeftForTheNextOneBehindTheName) {
  RedisProcess server;
  Connection connection(Options(server.endpoint()));
  server.Run({"REPLICAOF", "127.0.0.1", std::to_string(FreePort())});
  EXPECT_THAT(connection.Run({"SET", "a", "x"}),
              StatusIs(Code::kFailedPrecondition, HasSubstr("READONLY")));
  EXPECT_FALSE(connection.is_connected());
  server.Run({"REPLICAOF", "NO", "ONE"});
  Wait();
  EXPECT_THAT(connection.Run({"SET", "a", "x"}), IsOk());
}

TEST_F(ConnectionTest, HearsWhatOthersPublish) {
  RedisProcess server;
  Connection listener(Options(server.endpoint()));
  ASSERT_THAT(listener.Subscribe("news"), IsOk());
  auto message = listener.NextMessage(absl::ZeroDuration());
  ASSERT_THAT(message, IsOk());
  EXPECT_FALSE(message->has_value());
  server.Run({"PUBLISH", "news", "one"});
  server.Run({"PUBLISH", "news", "two"});
  for (const char* expected : {"one", "two"}) {
    message = listener.NextMessage(absl::Seconds(20));
    ASSERT_THAT(message, IsOk());
    EXPECT_EQ(message->value_or("none"), expected);
  }
  server.Kill();
  EXPECT_THAT(listener.NextMessage(absl::Seconds(20)),
              StatusIs(Code::kUnavailable));
  EXPECT_THAT(listener.NextMessage(absl::Seconds(20)),
              StatusIs(Code::kUnavailable));
}

}  // namespace
}  // namespace attune::redis
