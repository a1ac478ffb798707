// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>
#include <thread>

#include "tests/server/directory_tree.h"
#include "tests/server/rpc_error.h"
#include "tests/server/server_fixture.h"

namespace attune::server {
namespace {

using ::testing::IsEmpty;

TEST(PushRevisionTest, StoresAndActivates) {
  TestServer server;
  const std::string artifact = MakeArtifact("one");
  const auto [status, response] = server.PushRevision(artifact);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(response.already_stored());
  EXPECT_EQ(response.revision().revision_id(), policy::RevisionIdOf(artifact));
  EXPECT_EQ(response.revision().digest(), policy::Sha256Hex(artifact));
  EXPECT_EQ(response.revision().state(), v1::REVISION_STATE_ACTIVE);
  EXPECT_EQ(response.revision().byte_size(),
            static_cast<int64_t>(artifact.size()));
  EXPECT_GT(response.revision().push_time().seconds(), 0);
  EXPECT_EQ(response.revision().manifest().policy(), "sample");
  EXPECT_THAT(response.revision().manifest().catalog_yaml(), IsEmpty());
  EXPECT_EQ(server.ActiveRevision(), policy::RevisionIdOf(artifact));
  EXPECT_EQ(TreeOf(server.revision_dir())
                .at(policy::RevisionIdOf(artifact) + ".attune"),
            artifact);
}

TEST(PushRevisionTest, WithoutActivateOnlyStores) {
  TestServer server;
  const std::string before = server.ActiveRevision();
  const auto [status, response] =
      server.PushRevision(MakeArtifact("one"), {.activate = false});
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.revision().state(), v1::REVISION_STATE_READY);
  EXPECT_EQ(server.ActiveRevision(), before);
}

TEST(PushRevisionTest, IsIdempotent) {
  TestServer server;
  const std::string artifact = MakeArtifact("one");
  ASSERT_TRUE(server.PushRevision(artifact, {.activate = false}).first.ok());
  EXPECT_TRUE(server.PushOffset(artifact).complete());
  const auto [status, response] = server.PushRevision(artifact);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.already_stored());
  EXPECT_EQ(server.ActiveRevision(), policy::RevisionIdOf(artifact));
  EXPECT_EQ(server.List(0, "").second.revisions_size(), 1);
}

TEST(PushRevisionTest, GoesOnAfterABrokenStream) {
  TestServer server;
  const std::string artifact = MakeArtifact("one");
  const auto broken = server.PushRevision(artifact, {.send = 1234});
  EXPECT_EQ(broken.first.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorOf(broken.first).reason, "REVISION_TRUNCATED");
  const auto offset = server.PushOffset(artifact);
  EXPECT_EQ(offset.offset(), 1234);
  EXPECT_FALSE(offset.complete());

  EXPECT_EQ(server.PushRevision(artifact, {.offset = 1000}).first.error_code(),
            grpc::StatusCode::OUT_OF_RANGE);
  // The part survives a restart, too.
  server.Restart();
  const auto resumed = server.PushRevision(artifact, {.offset = 1234});
  ASSERT_TRUE(resumed.first.ok()) << resumed.first.error_message();
  EXPECT_EQ(server.ActiveRevision(), policy::RevisionIdOf(artifact));
}

TEST(PushRevisionTest, GoesOnAfterACancelledStream) {
  TestServer server;
  const std::string artifact = MakeArtifact("one");
  {
    grpc::ClientContext context;
    v1::PushRevisionResponse response;
    auto writer = server.policies().PushRevision(&context, &response);
    v1::PushRevisionRequest message;
    message.mutable_header()->set_digest(policy::Sha256Hex(artifact));
    message.mutable_header()->set_byte_size(
        static_cast<int64_t>(artifact.size()));
    ASSERT_TRUE(writer->Write(message));
    message.set_data(artifact.substr(0, 500));
    ASSERT_TRUE(writer->Write(message));
    while (server.PushOffset(artifact).offset() < 500)
      std::this_thread::yield();
    context.TryCancel();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // Until the server has noticed, the push is under way.
  grpc::Status status;
  do {
    status = server.PushRevision(artifact, {.offset = 500}).first;
  } while (status.error_code() == grpc::StatusCode::ABORTED);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

// At a pace at which it would never be there.
TEST(PushRevisionTest, OrdersDoNotWaitForWhatArrives) {
  TestServer server;
  ServerConfig config;
  config.push_bytes_per_second = 1;
  config.shutdown_deadline = absl::Minutes(1);
  server.Restart(config);
  const std::string first = MakeArtifact("one");
  const std::string second = MakeArtifact("two");
  ASSERT_TRUE(server.PushRevision(first).first.ok());
  ASSERT_TRUE(server.PushRevision(second).first.ok());
  const std::string large = MakeArtifactOfItems(1000, 1024);
  grpc::Status status;
  std::thread pusher(
      [&] { status = server.PushRevision(large, {.chunk = 1 << 20}).first; });
  while (server.PushOffset(large).offset() == 0) std::this_thread::yield();
  EXPECT_EQ(server.List(0, "").second.revisions_size(), 2);
  EXPECT_EQ(server.ActiveRevision(), policy::RevisionIdOf(second));
  grpc::ClientContext context;
  v1::RollbackResponse response;
  EXPECT_TRUE(server.policies().Rollback(&context, {}, &response).ok());
  EXPECT_EQ(server.ActiveRevision(), policy::RevisionIdOf(first));
  // A server that stops lets nothing wait.
  server.server().Shutdown();
  pusher.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  server.Restart();
  EXPECT_EQ(server.ActiveRevision(), policy::RevisionIdOf(large));
}

// Pushes that must change nothing at all.
class BadPushTest : public ::testing::Test {
 protected:
  BadPushTest() {
    EXPECT_TRUE(server_.PushRevision(MakeArtifact("good")).first.ok());
    active_ = server_.ActiveRevision();
    before_ = TreeOf(server_.revision_dir());
  }

  void ExpectRefused(const std::string& artifact, const TestServer::Push& push,
                     grpc::StatusCode code, const std::string& reason) {
    const grpc::Status status = server_.PushRevision(artifact, push).first;
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_EQ(ErrorOf(status).reason, reason) << status.error_message();
    EXPECT_EQ(ErrorOf(status).domain, "attune");
    EXPECT_EQ(server_.ActiveRevision(), active_);
    EXPECT_EQ(TreeOf(server_.revision_dir()), before_);
  }

  TestServer server_;
  std::string active_;
  std::map<std::string, std::string> before_;
  const std::string artifact_ = MakeArtifact("bad");
};

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;

TEST_F(BadPushTest, WrongDigest) {
  ExpectRefused(artifact_, {.digest = policy::Sha256Hex("other")}, kInvalid,
                "DIGEST_MISMATCH");
}

TEST_F(BadPushTest, MalformedDigest) {
  ExpectRefused(artifact_, {.digest = "../../x"}, kInvalid, "INVALID_FIELD");
}

TEST_F(BadPushTest, FlippedBitOnTheWay) {
  std::string flipped = artifact_;
  flipped[flipped.size() / 2] ^= 4;
  ExpectRefused(flipped, {.digest = policy::Sha256Hex(artifact_)}, kInvalid,
                "DIGEST_MISMATCH");
}

// The header agrees with the bytes; the revision's own checks must find it.
TEST_F(BadPushTest, FlippedBitInTheArtifact) {
  for (const size_t at :
       {size_t{0}, size_t{8}, artifact_.size() / 2, artifact_.size() - 1}) {
    std::string flipped = artifact_;
    flipped[at] ^= 4;
    const grpc::Status status = server_.PushRevision(flipped).first;
    EXPECT_EQ(status.error_code(), kInvalid) << at;
    EXPECT_EQ(server_.ActiveRevision(), active_);
    EXPECT_EQ(TreeOf(server_.revision_dir()), before_);
  }
}

TEST_F(BadPushTest, TruncatedArtifact) {
  for (const size_t size : {size_t{1}, size_t{40}, artifact_.size() - 1}) {
    const grpc::Status status =
        server_.PushRevision(artifact_.substr(0, size)).first;
    EXPECT_EQ(status.error_code(), kInvalid) << size;
    EXPECT_EQ(TreeOf(server_.revision_dir()), before_);
  }
}

TEST_F(BadPushTest, NanWeightWithAGoodChecksum) {
  // Overwrite floats of the payload until the loader can only object to that.
  std::string body = artifact_.substr(0, artifact_.size() - 32);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  uint64_t manifest_size = 0;
  std::memcpy(&manifest_size, body.data() + 8, sizeof(manifest_size));
  const size_t payload = (16 + manifest_size + 63) / 64 * 64;
  std::memcpy(body.data() + payload, &nan, sizeof(nan));
  const grpc::Status status =
      server_.PushRevision(body + policy::Sha256(body)).first;
  EXPECT_EQ(status.error_code(), kInvalid);
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("finite"));
  EXPECT_EQ(server_.ActiveRevision(), active_);
  EXPECT_EQ(TreeOf(server_.revision_dir()), before_);
}

TEST_F(BadPushTest, NoRevisionAtAll) {
  const grpc::Status status =
      server_.PushRevision(std::string(5000, 'x')).first;
  EXPECT_EQ(status.error_code(), kInvalid);
  EXPECT_EQ(TreeOf(server_.revision_dir()), before_);
}

TEST_F(BadPushTest, Oversized) {
  ExpectRefused(artifact_, {.byte_size = (int64_t{64} << 20) + 1},
                grpc::StatusCode::RESOURCE_EXHAUSTED, "REVISION_TOO_LARGE");
}

TEST_F(BadPushTest, NoBytesAnnounced) {
  ExpectRefused(artifact_, {.byte_size = 0}, kInvalid, "INVALID_FIELD");
}

TEST_F(BadPushTest, DataWithoutAHeader) {
  grpc::ClientContext context;
  v1::PushRevisionResponse response;
  auto writer = server_.policies().PushRevision(&context, &response);
  v1::PushRevisionRequest message;
  message.set_data("x");
  writer->Write(message);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  EXPECT_EQ(status.error_code(), kInvalid);
  EXPECT_EQ(ErrorOf(status).field, "header");
  EXPECT_EQ(TreeOf(server_.revision_dir()), before_);
}

TEST(PushRevisionTest, RefusesAChunkAboveOneMebibyte) {
  TestServer server;
  const std::string bytes((1 << 20) + 1, 'x');
  const grpc::Status status =
      server.PushRevision(bytes, {.chunk = bytes.size()}).first;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorOf(status).field, "data");
}

TEST(ListRevisionsTest, PagesThroughAllNewestFirst) {
  TestServer server;
  std::vector<std::string> pushed;
  for (const char* tag : {"one", "two", "three", "four", "five"}) {
    const std::string artifact = MakeArtifact(tag);
    ASSERT_TRUE(server.PushRevision(artifact).first.ok());
    pushed.insert(pushed.begin(), policy::RevisionIdOf(artifact));
  }
  std::vector<std::string> listed;
  std::string token;
  int pages = 0;
  do {
    const auto [status, page] = server.List(2, token);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const auto& revision : page.revisions()) {
      listed.push_back(revision.revision_id());
    }
    token = page.next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(listed, pushed);
  EXPECT_EQ(pages, 3);
  const auto all = server.List(0, "").second;
  EXPECT_EQ(all.revisions(0).state(), v1::REVISION_STATE_ACTIVE);
  EXPECT_EQ(all.revisions(1).state(), v1::REVISION_STATE_READY);
  EXPECT_EQ(all.next_page_token(), "");
}

TEST(ListRevisionsTest, RefusesBadPages) {
  TestServer server;
  EXPECT_EQ(ErrorOf(server.List(-1, "").first).field, "page_size");
  EXPECT_EQ(ErrorOf(server.List(1001, "").first).field, "page_size");
  EXPECT_EQ(ErrorOf(server.List(0, "stranger").first).field, "page_token");
}

TEST(GetRevisionTest, ReturnsTheWholeManifest) {
  TestServer server;
  const std::string artifact = MakeArtifact("one");
  ASSERT_TRUE(server.PushRevision(artifact).first.ok());
  grpc::ClientContext context;
  v1::GetRevisionRequest request;
  v1::GetRevisionResponse response;
  request.set_revision_id(policy::RevisionIdOf(artifact));
  ASSERT_TRUE(server.policies().GetRevision(&context, request, &response).ok());
  EXPECT_EQ(response.revision().manifest().catalog_yaml(),
            TaggedCatalogYaml("one"));
  EXPECT_GT(response.revision().manifest().tensors_size(), 0);

  grpc::ClientContext again;
  request.set_revision_id("stranger");
  EXPECT_EQ(
      server.policies().GetRevision(&again, request, &response).error_code(),
      grpc::StatusCode::NOT_FOUND);
}

TEST(SetTrafficTest, ActivatesAndIsIdempotent) {
  TestServer server;
  const std::string one = MakeArtifact("one");
  const std::string two = MakeArtifact("two");
  ASSERT_TRUE(server.PushRevision(one).first.ok());
  ASSERT_TRUE(server.PushRevision(two).first.ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(server.SetActive(policy::RevisionIdOf(one)).ok());
    EXPECT_EQ(server.ActiveRevision(), policy::RevisionIdOf(one));
  }
  // Twice the same is one step back.
  EXPECT_EQ(server.Rollback().second, policy::RevisionIdOf(two));
}

TEST(SetTrafficTest, RefusesWhatItCannotDo) {
  TestServer server;
  const std::string before = server.ActiveRevision();
  EXPECT_EQ(server.SetActive("stranger").error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ErrorOf(server.SetActive("")).field, "traffic.active");
  v1::SetTrafficRequest request;
  v1::SetTrafficResponse response;
  request.mutable_traffic()->set_active(before);
  request.mutable_traffic()->set_shadow(before);
  grpc::ClientContext shadow;
  EXPECT_EQ(
      ErrorOf(server.policies().SetTraffic(&shadow, request, &response)).field,
      "traffic.shadow");
  request.mutable_traffic()->clear_shadow();
  request.mutable_traffic()->mutable_canary()->set_share(0.5F);
  grpc::ClientContext canary;
  EXPECT_EQ(
      ErrorOf(server.policies().SetTraffic(&canary, request, &response)).field,
      "traffic.canary.revision");
  EXPECT_EQ(server.ActiveRevision(), before);
}

TEST(RollbackTest, GoesBackOneStepEachTime) {
  TestServer server;
  std::vector<std::string> ids;
  for (const char* tag : {"one", "two", "three"}) {
    const std::string artifact = MakeArtifact(tag);
    ASSERT_TRUE(server.PushRevision(artifact).first.ok());
    ids.push_back(policy::RevisionIdOf(artifact));
  }
  EXPECT_EQ(server.Rollback().second, ids[1]);
  EXPECT_EQ(server.ActiveRevision(), ids[1]);
  EXPECT_EQ(server.Rollback().second, ids[0]);
  const grpc::Status status = server.Rollback().first;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ErrorOf(status).reason, "NO_EARLIER_REVISION");
  EXPECT_EQ(server.ActiveRevision(), ids[0]);
}

}  // namespace
}  // namespace attune::server
