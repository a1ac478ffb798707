// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <cstdio>
#include <fstream>
#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include "client/policy_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/digest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace attune::client {
namespace {

using ::attune::testing::FakeServer;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kSeed = 20261124;
constexpr int64_t kArtifactBytes = 200'000;

const grpc::Status kUnavailable(grpc::StatusCode::UNAVAILABLE, "away");

std::string RandomBytes(int64_t size, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(generator());
  return bytes;
}

class PushTest : public ::testing::Test {
 protected:
  PolicyClient Client() {
    Clock clock;
    clock.sleep = [this](absl::Duration) { ++sleeps_; };
    auto client =
        PolicyClient::Create({.target = server_.target(), .clock = clock});
    EXPECT_THAT(client, IsOk());
    return *client;
  }

  FakeServer server_;
  const std::string artifact_ = RandomBytes(kArtifactBytes, kSeed);
  const std::string id_ = policy::Sha256Hex(artifact_).substr(0, 16);
  int sleeps_ = 0;
};

TEST_F(PushTest, StoresTheBytesInChunks) {
  const auto response =
      Client().PushRevision(artifact_, {.chunk_bytes = 64 * 1024});
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->revision().revision_id(), id_);
  EXPECT_FALSE(response->already_stored());
  EXPECT_THAT(server_.policy.stored(), ElementsAre(artifact_));
  EXPECT_EQ(server_.policy.largest_chunk(), 64U * 1024U);
  EXPECT_EQ(server_.policy.pushes(), 1);
  EXPECT_EQ(server_.policy.active(), "");
}

TEST_F(PushTest, ActivatesWhenAsked) {
  ASSERT_THAT(Client().PushRevision(artifact_, {.activate = true}), IsOk());
  EXPECT_EQ(server_.policy.active(), id_);
}

TEST_F(PushTest, ResumesWhereverTheStreamBreaks) {
  std::cout << "seed " << kSeed << "\n";
  RecordProperty("seed", std::to_string(kSeed));
  std::mt19937_64 generator(kSeed);
  std::uniform_int_distribution<int64_t> any(0, kArtifactBytes);
  const PolicyClient client = Client();
  for (int i = 0; i < 100; ++i) {
    const int64_t offset = any(generator);
    SCOPED_TRACE(absl::StrCat("run ", i, ", broken at ", offset));
    const std::string artifact = RandomBytes(kArtifactBytes, kSeed + 1 + i);
    server_.policy.BreakAt({offset});
    const int before = server_.policy.pushes();
    const auto response =
        client.PushRevision(artifact, {.chunk_bytes = 16 * 1024});
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->revision().digest(), policy::Sha256Hex(artifact));
    EXPECT_EQ(server_.policy.pushes(), before + 2);
    EXPECT_THAT(server_.policy.stored(), ::testing::Contains(artifact));
  }
  EXPECT_EQ(sleeps_, 100);
}

TEST_F(PushTest, ResumesAsOftenAsThereIsProgress) {
  std::vector<int64_t> offsets;
  for (int64_t at = 10'000; at <= kArtifactBytes; at += 10'000) {
    offsets.push_back(at);
  }
  server_.policy.BreakAt(offsets);
  ASSERT_THAT(Client().PushRevision(artifact_, {.chunk_bytes = 7'777}), IsOk());
  EXPECT_EQ(server_.policy.pushes(), static_cast<int>(offsets.size()) + 1);
  EXPECT_THAT(server_.policy.stored(), ElementsAre(artifact_));
}

TEST_F(PushTest, GivesUpWhenStreamsStall) {
  server_.policy.BreakAt(std::vector<int64_t>(50, 1'000));
  EXPECT_THAT(Client().PushRevision(artifact_, {.max_stalled_streams = 3}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("broke")));
  // The first one stored 1,000 bytes, which the second one's offset shows; then
  // two more got no further.
  EXPECT_EQ(server_.policy.pushes(), 4);
  EXPECT_THAT(server_.policy.stored(), IsEmpty());
}

TEST_F(PushTest, GoesOnWhereAnEarlierPushStopped) {
  server_.policy.BreakAt({150'000});
  ASSERT_THAT(Client().PushRevision(artifact_, {.max_stalled_streams = 1}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("broke")));
  std::vector<int64_t> sent;
  PushOptions options;
  options.on_progress = [&](const PushProgress& progress) {
    EXPECT_EQ(progress.total_bytes, kArtifactBytes);
    sent.push_back(progress.sent_bytes);
  };
  ASSERT_THAT(Client().PushRevision(artifact_, options), IsOk());
  EXPECT_THAT(sent, ElementsAre(150'000, kArtifactBytes));
  EXPECT_THAT(server_.policy.stored(), ElementsAre(artifact_));
}

TEST_F(PushTest, SucceedsWhenOnlyTheAnswerWasLost) {
  server_.policy.LoseNextAnswer();
  const auto response = Client().PushRevision(artifact_, {.activate = true});
  ASSERT_THAT(response, IsOk());
  EXPECT_TRUE(response->already_stored());
  EXPECT_EQ(server_.policy.active(), id_);
}

TEST_F(PushTest, SaysWhenItWasStoredBefore) {
  ASSERT_THAT(Client().PushRevision(artifact_), IsOk());
  const auto again = Client().PushRevision(artifact_);
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->already_stored());
}

TEST_F(PushTest, DoesNotRepeatWhatTheServerRefused) {
  for (const auto code :
       {grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::ABORTED,
        grpc::StatusCode::OUT_OF_RANGE, grpc::StatusCode::RESOURCE_EXHAUSTED,
        grpc::StatusCode::INTERNAL}) {
    server_.policy.FailPushes({grpc::Status(code, "refused")});
    const int before = server_.policy.pushes();
    EXPECT_THAT(
        Client().PushRevision(artifact_),
        StatusIs(static_cast<absl::StatusCode>(code), HasSubstr("refused")));
    EXPECT_EQ(server_.policy.pushes(), before + 1);
  }
  EXPECT_THAT(server_.policy.stored(), IsEmpty());
}

// The server may not have noticed yet that the broken stream is gone.
TEST_F(PushTest, OutlivesItsOwnBrokenStream) {
  server_.policy.FailPushes(
      {kUnavailable, grpc::Status(grpc::StatusCode::ABORTED, "under way"),
       grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "offset")});
  ASSERT_THAT(Client().PushRevision(artifact_), IsOk());
  EXPECT_EQ(server_.policy.pushes(), 4);
}

TEST_F(PushTest, RefusesUnusableOptions) {
  const PolicyClient client = Client();
  EXPECT_THAT(
      client.PushRevision(""),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("artifact")));
  for (const int64_t bytes : {0, 1024 * 1024 + 1}) {
    EXPECT_THAT(client.PushRevision(artifact_, {.chunk_bytes = bytes}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("chunk_bytes: must be in [1, 1048576]")));
  }
  EXPECT_EQ(server_.policy.pushes(), 0);
}

TEST_F(PushTest, PushesFiles) {
  const std::string path = ::testing::TempDir() + "/push_test.attune";
  std::ofstream(path, std::ios::binary) << artifact_;
  ASSERT_THAT(Client().PushRevisionFile(path), IsOk());
  EXPECT_THAT(server_.policy.stored(), ElementsAre(artifact_));
  std::remove(path.c_str());
  EXPECT_THAT(Client().PushRevisionFile(path),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
}

TEST_F(PushTest, FailsWhenNobodyListens) {
  server_.Stop();
  EXPECT_THAT(Client().PushRevision(artifact_),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
}

}  // namespace
}  // namespace attune::client
