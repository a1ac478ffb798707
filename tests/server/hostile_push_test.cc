// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Whoever may push sends what is made to do harm: it is refused, quickly, and
// nothing changes. ATTUNE_LONGEST_PUSH_MS says what is quick (1,000 by default),
// for builds that are slow on purpose.

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "policy/signing_key.h"
#include "tests/policy/hostile_artifacts.h"
#include "tests/server/directory_tree.h"
#include "tests/server/rpc_error.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/environment.h"

namespace attune::server {
namespace {

using ::attune::testing::HostileArtifact;
using ::attune::testing::HostileArtifacts;

constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
constexpr int64_t kTerabyte = int64_t{1} << 40;

class HostilePushTest : public ::testing::Test {
 protected:
  // A server with a revision, and with `config`.
  void Start(const ServerConfig& config,
             const std::optional<v1::RevisionSignature>& signature) {
    server_.Restart(config);
    const grpc::Status status =
        server_.PushRevision(good_, {.signature = signature}).first;
    ASSERT_TRUE(status.ok()) << status.error_message();
    active_ = server_.ActiveRevision();
    ASSERT_EQ(active_, policy::RevisionIdOf(good_));
    // Everything that the server can reach is below this directory.
    before_ = TreeOf(server_.dir().path());
  }

  grpc::Status TimedPush(const std::string& bytes, const TestServer::Push& push,
                         absl::Duration* took) {
    const absl::Time begin = absl::Now();
    grpc::Status status = server_.PushRevision(bytes, push).first;
    *took = absl::Now() - begin;
    return status;
  }

  void ExpectNothingChanged(const std::string& what) {
    EXPECT_EQ(server_.ActiveRevision(), active_) << what;
    EXPECT_TRUE(TreeOf(server_.dir().path()) == before_) << what;
  }

  void ExpectRefused(const std::string& what, const std::string& bytes,
                     TestServer::Push push, grpc::StatusCode code = kInvalid) {
    push.chunk = 64 << 10;
    absl::Duration took;
    grpc::Status status = TimedPush(bytes, push, &took);
    // What only the machine slowed down is quick the second time.
    if (took > limit_) status = TimedPush(bytes, push, &took);
    EXPECT_EQ(status.error_code(), code)
        << what << ": " << status.error_message();
    EXPECT_LE(took, limit_) << what;
    EXPECT_EQ(ErrorOf(status).domain, "attune") << what;
    longest_ = std::max(longest_, took);
    ++refused_;
    ExpectNothingChanged(what);
  }

  grpc::Status SetTraffic(grpc::ClientContext* context,
                          const std::function<void(v1::Traffic*)>& change) {
    v1::SetTrafficRequest request;
    v1::SetTrafficResponse response;
    request.mutable_traffic()->set_active(active_);
    change(request.mutable_traffic());
    return server_.policies().SetTraffic(context, request, &response);
  }

  void Report(const char* against) const {
    std::cout << "[ hostile  ] " << refused_ << " pushes refused by " << against
              << ", the longest in " << longest_ << "\n";
  }

  const absl::Duration limit_ = absl::Milliseconds(
      testing::FromEnvironment("ATTUNE_LONGEST_PUSH_MS", 1000));
  const google::protobuf::LogSilencer silencer_;
  const std::string good_ = MakeArtifact("good");
  TestServer server_;
  std::string active_;
  std::map<std::string, std::string> before_;
  absl::Duration longest_;
  int refused_ = 0;
};

TEST_F(HostilePushTest, ArtifactsAreRefusedAndNothingChanges) {
  Start({}, std::nullopt);
  for (const HostileArtifact& artifact : HostileArtifacts()) {
    ExpectRefused(artifact.name, artifact.bytes, {});
  }
  EXPECT_GE(refused_, 200);
  Report("a server without keys");
}

// Whoever holds the key makes a mistake, or more than that: a signature is no
// substitute for the checks, and no number is used up.
TEST_F(HostilePushTest, SignedArtifactsAreRefusedAndNothingChanges) {
  const policy::SigningKey key = policy::SigningKey::Generate().value();
  ServerConfig config;
  config.trusted_keys_file = server_.dir().Write("keys.pem", key.PublicPem());
  const auto sign = [&](const std::string& bytes, int64_t number) {
    return key.Sign(policy::RevisionDigestOf(bytes), "sample", number).value();
  };
  Start(config, sign(good_, 1));
  int64_t number = 1;
  for (const HostileArtifact& artifact : HostileArtifacts()) {
    ExpectRefused(artifact.name, artifact.bytes,
                  {.signature = sign(artifact.bytes, ++number)});
  }
  EXPECT_GE(refused_, 200);
  // The next good one may have the number of the first bad one.
  const std::string next = MakeArtifact("next");
  EXPECT_TRUE(
      server_.PushRevision(next, {.signature = sign(next, 2)}).first.ok());
  Report("a server with keys");
}

TEST_F(HostilePushTest, HeadersThatLieAreRefused) {
  Start({}, std::nullopt);
  const std::string bytes = MakeArtifact("bytes");
  constexpr auto kTooLarge = grpc::StatusCode::RESOURCE_EXHAUSTED;
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  // A sparse file of a terabyte: nothing is reserved for what was announced.
  for (const int64_t size : {kTerabyte, kMax, (int64_t{64} << 20) + 1}) {
    ExpectRefused("too large", bytes, {.byte_size = size}, kTooLarge);
  }
  ExpectRefused("of no bytes", bytes, {.byte_size = 0});
  ExpectRefused("shorter than its bytes", bytes, {.send = 10, .byte_size = 9});
  for (const int64_t offset : {int64_t{1}, int64_t{100}}) {
    ExpectRefused("an offset of nothing", bytes, {.offset = offset},
                  grpc::StatusCode::OUT_OF_RANGE);
  }
  for (const std::string& digest :
       {std::string(64, '0'), std::string(63, 'a'), std::string(65, 'a'),
        std::string(64, 'A'), std::string("../../../../../../tmp/x"),
        std::string("/etc/passwd"), "../" + std::string(61, 'a'),
        std::string(61, 'a') + "/..", std::string("..") + std::string(62, '/'),
        std::string(63, 'a') + '\0', std::string(100000, 'a')}) {
    ExpectRefused("digest " + digest.substr(0, 70), bytes, {.digest = digest});
  }
  Report("their headers");
}

// Every field that names something, with names that would be paths.
TEST_F(HostilePushTest, NoNameIsAPath) {
  Start({}, std::nullopt);
  const std::string log = server_.dir().path() + "/revisions/log";
  ASSERT_TRUE(std::filesystem::exists(log));
  for (const std::string& name :
       {std::string(".."), std::string("../../x"), std::string("../state"),
        std::string("../revisions/" + active_), std::string("./" + active_),
        std::string("/etc/passwd"), log, std::string("log"),
        std::string("incoming"), std::string("incoming/x"), active_ + ".attune",
        active_ + "/", active_ + "/../" + active_,
        active_ + std::string("\0x", 2), std::string(1, '\0'),
        std::string("%2e%2e%2f"), std::string("..\\..\\x"),
        std::string(5000, '.')}) {
    SCOPED_TRACE(name.substr(0, 80));
    // Each call has the name where it names something; it finds nothing there.
    const std::vector<std::function<grpc::Status(grpc::ClientContext*)>> calls =
        {[&](auto* context) {
           v1::GetRevisionRequest request;
           v1::GetRevisionResponse response;
           request.set_revision_id(name);
           return server_.policies().GetRevision(context, request, &response);
         },
         [&](auto* context) {
           v1::DeleteRevisionRequest request;
           v1::DeleteRevisionResponse response;
           request.set_revision_id(name);
           return server_.policies().DeleteRevision(context, request,
                                                    &response);
         },
         [&](auto* context) {
           v1::GetPushOffsetRequest request;
           v1::GetPushOffsetResponse response;
           request.set_digest(name);
           return server_.policies().GetPushOffset(context, request, &response);
         },
         [&](auto* context) {
           v1::ListRevisionsRequest request;
           v1::ListRevisionsResponse response;
           request.set_page_token(name);
           return server_.policies().ListRevisions(context, request, &response);
         },
         [&](auto* context) {
           return SetTraffic(context, [&](auto* t) { t->set_active(name); });
         },
         [&](auto* context) {
           return SetTraffic(context, [&](auto* t) { t->set_shadow(name); });
         },
         [&](auto* context) {
           return SetTraffic(context, [&](auto* t) {
             t->mutable_canary()->set_revision(name);
             t->mutable_canary()->set_share(0.5F);
           });
         },
         [&](auto* context) {
           v1::GetPromptRequest request = SampleRequest();
           v1::GetPromptResponse response;
           request.set_revision(name);
           return server_.prompts().GetPrompt(context, request, &response);
         },
         [&](auto* context) {
           v1::GetPromptRequest request = SampleRequest();
           v1::GetPromptResponse response;
           request.set_policy(name);
           return server_.prompts().GetPrompt(context, request, &response);
         },
         [&](auto* context) {
           v1::PreviewPromptRequest request;
           v1::PreviewPromptResponse response;
           *request.mutable_history() = SampleRequest().history();
           *request.mutable_candidates() = SampleRequest().candidates();
           request.set_revision(name);
           return server_.prompts().PreviewPrompt(context, request, &response);
         }};
    for (size_t i = 0; i < calls.size(); ++i) {
      grpc::ClientContext context;
      const grpc::StatusCode code = calls[i](&context).error_code();
      EXPECT_TRUE(code == kInvalid || code == grpc::StatusCode::NOT_FOUND)
          << "call " << i << " ended with " << code;
    }
    ExpectNothingChanged(name.substr(0, 80));
  }
}

}  // namespace
}  // namespace attune::server
