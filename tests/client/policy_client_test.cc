// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/policy_client.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace attune::client {
namespace {

using ::attune::testing::FakeServer;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

const grpc::Status kUnavailable(grpc::StatusCode::UNAVAILABLE, "away");

class PolicyClientTest : public ::testing::Test {
 protected:
  PolicyClient Client() {
    Clock clock;
    clock.sleep = [](absl::Duration) {};
    auto client =
        PolicyClient::Create({.target = server_.target(), .clock = clock});
    EXPECT_THAT(client, IsOk());
    return *client;
  }

  FakeServer server_;
};

TEST_F(PolicyClientTest, ListsAllPages) {
  server_.policy.AddRevisions({"e", "d", "c", "b", "a"});
  const auto revisions = Client().ListRevisions();
  ASSERT_THAT(revisions, IsOk());
  std::string ids;
  for (const auto& revision : *revisions) ids += revision.revision_id();
  EXPECT_EQ(ids, "edcba");
  EXPECT_EQ(server_.policy.calls(), 3);
}

TEST_F(PolicyClientTest, ListsNothingWhenThereIsNothing) {
  const auto revisions = Client().ListRevisions();
  ASSERT_THAT(revisions, IsOk());
  EXPECT_TRUE(revisions->empty());
}

TEST_F(PolicyClientTest, GetsOneRevision) {
  server_.policy.AddRevisions({"b", "a"});
  const auto revision = Client().GetRevision("a");
  ASSERT_THAT(revision, IsOk());
  EXPECT_EQ(revision->revision_id(), "a");
  EXPECT_EQ(revision->byte_size(), 1002);
  EXPECT_THAT(Client().GetRevision("z"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("revision_id")));
}

TEST_F(PolicyClientTest, SetsTheActiveRevisionAndGoesBack) {
  const PolicyClient client = Client();
  ASSERT_THAT(client.SetActive("a"), IsOk());
  const auto traffic = client.SetActive("b");
  ASSERT_THAT(traffic, IsOk());
  EXPECT_EQ(traffic->active(), "b");
  const auto back = client.Rollback();
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->active(), "a");
  EXPECT_EQ(server_.policy.active(), "a");
}

TEST_F(PolicyClientTest, RepeatsWhatIsIdempotent) {
  server_.policy.AddRevisions({"a"});
  server_.policy.FailNext({kUnavailable});
  EXPECT_THAT(Client().GetRevision("a"), IsOk());
  server_.policy.FailNext({kUnavailable, kUnavailable});
  EXPECT_THAT(Client().SetActive("a"), IsOk());
  EXPECT_EQ(server_.policy.calls(), 5);
}

// A second Rollback would go back a second step.
TEST_F(PolicyClientTest, NeverRepeatsRollback) {
  ASSERT_THAT(Client().SetActive("a"), IsOk());
  ASSERT_THAT(Client().SetActive("b"), IsOk());
  server_.policy.FailNext({kUnavailable});
  const int before = server_.policy.calls();
  EXPECT_THAT(Client().Rollback(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("away")));
  EXPECT_EQ(server_.policy.calls(), before + 1);
  EXPECT_EQ(server_.policy.active(), "b");
}

TEST_F(PolicyClientTest, SetsAndGetsTheTrafficWithAReason) {
  const PolicyClient client = Client();
  v1::Traffic traffic;
  traffic.set_active("a");
  traffic.mutable_canary()->set_revision("b");
  traffic.mutable_canary()->set_share(0.25F);
  ASSERT_THAT(client.SetTraffic(traffic, "why"), IsOk());
  EXPECT_EQ(server_.policy.reason(), "why");
  server_.policy.FailNext({kUnavailable});
  const auto got = client.GetTraffic();
  ASSERT_THAT(got, IsOk());
  EXPECT_EQ(got->DebugString(), traffic.DebugString());
}

TEST_F(PolicyClientTest, WatchOpensABrokenStreamAgain) {
  ASSERT_THAT(Client().SetActive("a"), IsOk());
  int seen = 0;
  EXPECT_THAT(
      Client().WatchRevisions([&](const v1::WatchRevisionsResponse& update) {
        EXPECT_EQ(update.traffic().active(), "a");
        server_.policy.FailNext({kUnavailable});
        return ++seen < 3;
      }),
      IsOk());
  EXPECT_EQ(seen, 3);
}

TEST_F(PolicyClientTest, WatchEndsWithAnErrorThatTryingAgainDoesNotCure) {
  const grpc::Status refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many");
  server_.policy.FailNext({refused});
  EXPECT_THAT(
      Client().WatchRevisions(
          [](const v1::WatchRevisionsResponse&) { return true; }),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too many")));
}

TEST_F(PolicyClientTest, DeletesARevision) {
  server_.policy.AddRevisions({"b", "a"});
  EXPECT_THAT(Client().DeleteRevision("a"), IsOk());
  EXPECT_THAT(Client().DeleteRevision("a"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PolicyClientTest, CopiesShareTheConnection) {
  server_.policy.AddRevisions({"a"});
  auto original = std::make_unique<PolicyClient>(Client());
  const PolicyClient copy = *original;
  original.reset();
  EXPECT_THAT(copy.GetRevision("a"), IsOk());
}

TEST(PolicyClientCreateTest, RefusesUnusableOptions) {
  EXPECT_THAT(
      PolicyClient::Create({.deadline = -absl::Seconds(1)}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("deadline")));
  EXPECT_THAT(
      PolicyClient::Create({.retry = {.max_attempts = 0}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_attempts")));
  EXPECT_THAT(PolicyClient::Create({.tls = {.ca_file = "/nonexistent/ca.pem"}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("ca.pem")));
}

}  // namespace
}  // namespace attune::client
