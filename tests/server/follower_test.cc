// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Servers in this process that share the real Redis.

#include "server/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "policy/signing_key.h"
#include "server/scaled_out.h"
#include "tests/server/eventually.h"
#include "tests/server/http_get.h"
#include "tests/server/redis_contents.h"
#include "tests/server/rpc_error.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/redis_process.h"

namespace attune::server {
namespace {

using ::attune::testing::RedisProcess;
using ::testing::HasSubstr;
using ::testing::Not;

class FollowerTest : public ::testing::Test {
 protected:
  FollowerTest() {
    config_.redis_url = redis_.url();
    for (TestServer& server : servers_) server.Restart(config_);
  }

  static bool IsStored(TestServer& server, const std::string& id) {
    const auto list = server.List(0, "").second;
    for (const auto& revision : list.revisions()) {
      if (revision.revision_id() == id) return true;
    }
    return false;
  }
  bool AllServe(const std::string& id) {
    return Eventually([&] {
      for (TestServer& server : servers_) {
        if (server.ActiveRevision() != id) return false;
      }
      return true;
    });
  }
  bool AllStore(const std::string& id, bool stored = true) {
    return Eventually([&] {
      for (TestServer& server : servers_) {
        if (IsStored(server, id) != stored) return false;
      }
      return true;
    });
  }
  // Returns the id.
  std::string MustPush(TestServer& server, const std::string& tag) {
    const std::string artifact = MakeArtifact(tag);
    const auto [status, response] = server.PushRevision(artifact);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return policy::RevisionIdOf(artifact);
  }
  grpc::Status Delete(TestServer& server, const std::string& id) {
    grpc::ClientContext context;
    v1::DeleteRevisionRequest request;
    v1::DeleteRevisionResponse response;
    request.set_revision_id(id);
    return server.policies().DeleteRevision(&context, request, &response);
  }
  std::string Metrics(TestServer& server) {
    return HttpGet(server.server().ports().metrics, "/metrics");
  }
  // The first piece of a revision's artifact.
  static std::string PieceKey(const std::string& artifact) {
    return "attune:revision:" + policy::Sha256Hex(artifact) + ":0";
  }

  RedisProcess redis_;
  ServerConfig config_;
  std::array<TestServer, 2> servers_;
};

TEST_F(FollowerTest, WhatIsPushedToOneIsServedByAll) {
  const std::string first = MustPush(servers_[0], "first");
  EXPECT_TRUE(AllServe(first));
  const std::string second = MustPush(servers_[1], "second");
  EXPECT_TRUE(AllServe(second));
  EXPECT_EQ(servers_[0].Rollback().second, first);
  EXPECT_TRUE(AllServe(first));
  ASSERT_TRUE(Delete(servers_[1], second).ok());
  EXPECT_TRUE(AllStore(second, false));
  // Gone from Redis too, piece by piece.
  EXPECT_EQ(
      redis_.Run({"EXISTS", PieceKey(MakeArtifact("second"))}).Int().value(),
      0);
  // And it may come again.
  EXPECT_EQ(MustPush(servers_[0], "second"), second);
  EXPECT_TRUE(AllServe(second));
  // A server that comes later has what the others have, and when.
  TestServer late;
  late.Restart(config_);
  EXPECT_EQ(late.ActiveRevision(), second);
  EXPECT_TRUE(Eventually([&] { return IsStored(late, first); }));
  const auto theirs = servers_[0].List(0, "").second;
  const auto its = late.List(0, "").second;
  ASSERT_EQ(its.revisions_size(), 2);
  ASSERT_EQ(theirs.revisions_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(its.revisions(i).revision_id(),
              theirs.revisions(i).revision_id());
    EXPECT_EQ(its.revisions(i).push_time().seconds(),
              theirs.revisions(i).push_time().seconds());
  }
  // The audit log names who ordered it where.
  EXPECT_THAT(ReadFile(late.revision_dir() + "/audit.jsonl"),
              HasSubstr("\"action\":\"push\""));
}

TEST_F(FollowerTest, OfOrdersAtOnceNoneIsLost) {
  std::array<std::string, 2> ids = {MustPush(servers_[0], "a"),
                                    MustPush(servers_[1], "b")};
  ASSERT_TRUE(AllStore(ids[0]) && AllStore(ids[1]) && AllServe(ids[1]));
  const int64_t before = SequenceIn(redis_);
  constexpr int kOrders = 100;
  std::atomic<int> made = 0, refused = 0, other = 0;
  std::vector<std::thread> operators;
  for (size_t i = 0; i < servers_.size(); ++i) {
    operators.emplace_back([&, i] {
      for (int order = 0; order < kOrders; ++order) {
        grpc::ClientContext context;
        v1::SetTrafficRequest request;
        v1::SetTrafficResponse response;
        request.mutable_traffic()->set_active(ids[i]);
        // Different every time, so that each order changes something.
        auto* canary = request.mutable_traffic()->mutable_canary();
        canary->set_revision(ids[1 - i]);
        canary->set_share((2 * order + i + 1) / 1000.0);
        const grpc::Status status =
            servers_[i].policies().SetTraffic(&context, request, &response);
        if (status.ok()) {
          ++made;
        } else if (status.error_code() == grpc::StatusCode::ABORTED) {
          EXPECT_EQ(ErrorOf(status).reason, "TRAFFIC_CHANGED");
          ++refused;
        } else {
          ++other;
        }
      }
    });
  }
  for (std::thread& thread : operators) thread.join();
  std::cout << "[ orders  ] " << made << " made, " << refused << " refused\n";
  EXPECT_EQ(other, 0);
  EXPECT_GT(made, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(SequenceIn(redis_), before + made);
  const std::string changes =
      "attune_traffic_changes " + std::to_string(before + made);
  for (TestServer& server : servers_) {
    EXPECT_TRUE(Eventually(
        [&] { return Metrics(server).find(changes) != std::string::npos; }));
  }
}

TEST_F(FollowerTest, ServesAndStartsWithoutRedisAndGivesBackWhatItLost) {
  const std::string first = MustPush(servers_[0], "first");
  ASSERT_TRUE(AllServe(first));
  redis_.Kill();
  EXPECT_EQ(servers_[0].ActiveRevision(), first);
  servers_[1].Restart(config_);
  EXPECT_EQ(servers_[1].ActiveRevision(), first);
  // What all must agree on waits; what arrived is kept.
  const std::string artifact = MakeArtifact("second");
  const grpc::Status push = servers_[0].PushRevision(artifact).first;
  EXPECT_EQ(push.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorOf(push).reason, "REDIS_UNAVAILABLE");
  EXPECT_EQ(servers_[0].SetActive(first).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Delete(servers_[0], policy::RevisionIdOf(artifact)).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(Metrics(servers_[0]),
              HasSubstr("attune_redis_up{use=\"change\"} 0"));
  EXPECT_EQ(servers_[0].ActiveRevision(), first);
  // It comes back with nothing.
  redis_.Start();
  EXPECT_TRUE(AllStore(policy::RevisionIdOf(artifact)));
  EXPECT_TRUE(Eventually([&] { return SequenceIn(redis_) > 0; }));
  EXPECT_TRUE(AllServe(first));
  EXPECT_TRUE(Eventually([&] {
    return servers_[1].SetActive(policy::RevisionIdOf(artifact)).ok();
  }));
  EXPECT_TRUE(AllServe(policy::RevisionIdOf(artifact)));
}

TEST_F(FollowerTest, FlushingTakesNothingFromTheServers) {
  const std::string first = MustPush(servers_[0], "first");
  const std::string second = MustPush(servers_[0], "second");
  ASSERT_TRUE(AllServe(second));
  const int64_t sequence = SequenceIn(redis_);
  redis_.Run({"FLUSHALL"});
  EXPECT_TRUE(Eventually([&] { return SequenceIn(redis_) == sequence; }));
  TestServer late;
  late.Restart(config_);
  EXPECT_EQ(late.ActiveRevision(), second);
  EXPECT_TRUE(Eventually([&] { return IsStored(late, first); }));
  EXPECT_TRUE(AllServe(second));
}

TEST_F(FollowerTest, PiecesThatAreGoneOrDamagedAreGivenAgain) {
  const std::string artifact = MakeArtifact("first");
  const std::string first = MustPush(servers_[0], "first");
  ASSERT_TRUE(AllServe(first));
  std::string damaged = artifact;
  damaged[damaged.size() / 2] ^= 1;
  redis_.Run({"SET", PieceKey(artifact), damaged});
  TestServer late;
  late.Restart(config_);
  EXPECT_TRUE(Eventually([&] { return late.ActiveRevision() == first; }));
  redis_.Run({"DEL", PieceKey(artifact)});
  TestServer later;
  later.Restart(config_);
  EXPECT_TRUE(Eventually([&] { return later.ActiveRevision() == first; }));
  EXPECT_EQ(
      redis_.Run({"GET", PieceKey(artifact)}).TakeString().value_or("none"),
      artifact);
}

TEST_F(FollowerTest, PassesOverNonsenseInRedis) {
  const std::string first = MustPush(servers_[0], "first");
  ASSERT_TRUE(AllServe(first));
  const int64_t sequence = SequenceIn(redis_);
  redis_.Run({"HSET", "attune:revisions", "evil", "{\"id\":\"../../evil\"}"});
  redis_.Run({"SET", "attune:index", "another"});
  redis_.Run({"SET", "attune:traffic", "nonsense"});
  EXPECT_TRUE(Eventually([&] { return SequenceIn(redis_) == sequence; }));
  EXPECT_TRUE(AllServe(first));
  // A traffic that names what nobody has changes nothing, and is told.
  redis_.Run({"SET", "attune:traffic",
              PrintTraffic({.state = {.activations = {"nobody-has-it"},
                                      .sequence = sequence + 1,
                                      .trial = sequence + 1}})});
  EXPECT_TRUE(Eventually([&] {
    return Metrics(servers_[0]).find("attune_redis_traffic_changes_behind 1") !=
           std::string::npos;
  }));
  EXPECT_TRUE(AllServe(first));
}

TEST_F(FollowerTest, SignaturesAreCheckedHereToo) {
  const auto key = policy::SigningKey::Generate().value();
  const auto other = policy::SigningKey::Generate().value();
  config_.trusted_keys_file =
      servers_[0].dir().Write("trusted.pem", key.PublicPem());
  for (TestServer& server : servers_) server.Restart(config_);
  const auto push = [&](TestServer& server, const std::string& artifact,
                        int64_t number) {
    return server
        .PushRevision(artifact,
                      {.signature = key.Sign(policy::RevisionDigestOf(artifact),
                                             "sample", number)
                                        .value()})
        .first;
  };
  const std::string first = MakeArtifact("first");
  const std::string second = MakeArtifact("second");
  ASSERT_TRUE(push(servers_[0], first, 1).ok());
  ASSERT_TRUE(AllServe(policy::RevisionIdOf(first)));
  ASSERT_TRUE(push(servers_[1], second, 2).ok());
  EXPECT_TRUE(AllServe(policy::RevisionIdOf(second)));
  // A server that trusts another key takes nothing of it.
  TestServer stranger;
  ServerConfig config = config_;
  config.trusted_keys_file =
      stranger.dir().Write("trusted.pem", other.PublicPem());
  stranger.Restart(config);
  EXPECT_THAT(stranger.ActiveRevision(), ::testing::StartsWith("uniform-"));
  EXPECT_TRUE(Eventually([&] {
    return Metrics(stranger).find("attune_redis_revisions_behind 2") !=
           std::string::npos;
  }));
  EXPECT_EQ(stranger.List(0, "").second.revisions_size(), 0);
}

TEST_F(FollowerTest, AWrongPasswordIsToldAndAnExchangedOneIsTaken) {
  const std::string first = MustPush(servers_[0], "first");
  ASSERT_TRUE(AllServe(first));
  redis_.Run({"ACL", "SETUSER", "ann", "on", ">right", "~attune:*", "&attune:*",
              "-@all", "+@read", "+@write", "+@scripting", "+@pubsub",
              "+@connection"});
  config_.redis_url =
      "redis://ann:wrong@127.0.0.1:" + std::to_string(redis_.port());
  servers_[1].Restart(config_);
  EXPECT_EQ(servers_[1].ActiveRevision(), first);
  EXPECT_THAT(Metrics(servers_[1]),
              Not(HasSubstr("{kind=\"unauthenticated\"} 0")));
  config_.redis_password_file =
      servers_[1].dir().Write("password", "still wrong\n");
  servers_[1].Restart(config_);
  EXPECT_EQ(servers_[1].SetActive(first).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  servers_[1].dir().Write("password", "right\n");
  EXPECT_TRUE(Eventually([&] { return servers_[1].SetActive(first).ok(); }));
}

TEST_F(FollowerTest, ABadSettingStopsTheStart) {
  const auto start = [&](const ServerConfig& config) {
    return ScaledOut::Create(config).status();
  };
  EXPECT_THAT(start({.redis_url = "redis://ann:secret@"}).message(),
              ::testing::AllOf(HasSubstr("redis_url"), HasSubstr("no host"),
                               Not(HasSubstr("secret"))));
  EXPECT_THAT(start({.redis_password_file = "x"}).message(),
              HasSubstr("needs redis_url"));
}

}  // namespace
}  // namespace attune::server
