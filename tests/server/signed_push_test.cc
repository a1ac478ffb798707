// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// A server with trusted keys: what it takes, and what it serves after a restart.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <string>

#include "policy/signing_key.h"
#include "server/revision_numbers.h"
#include "tests/server/directory_tree.h"
#include "tests/server/rpc_error.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

class SignedPushTest : public ::testing::Test {
 protected:
  SignedPushTest() { Trust({&key_}); }

  // Restarts the server with these keys.
  void Trust(const std::vector<const policy::SigningKey*>& keys) {
    std::string pem;
    for (const policy::SigningKey* key : keys) pem += key->PublicPem();
    config_.trusted_keys_file = server_.dir().Write("trusted.pem", pem);
    server_.Restart(config_);
  }

  v1::RevisionSignature Sign(const std::string& artifact, int64_t number,
                             const policy::SigningKey& key) const {
    return key.Sign(policy::RevisionDigestOf(artifact), "sample", number)
        .value();
  }
  v1::RevisionSignature Sign(const std::string& artifact,
                             int64_t number) const {
    return Sign(artifact, number, key_);
  }

  grpc::Status Push(const std::string& artifact,
                    std::optional<v1::RevisionSignature> signature,
                    bool activate = true) {
    return server_
        .PushRevision(artifact, {.activate = activate, .signature = signature})
        .first;
  }
  // Pushes with a good signature.
  void MustPush(const std::string& artifact, int64_t number,
                bool activate = true) {
    const grpc::Status status =
        Push(artifact, Sign(artifact, number), activate);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  // Changes nothing.
  void ExpectRefused(const std::string& artifact,
                     std::optional<v1::RevisionSignature> signature,
                     grpc::StatusCode code, const std::string& reason,
                     bool activate = true) {
    const auto before = TreeOf(server_.revision_dir());
    const std::string active = server_.ActiveRevision();
    const grpc::Status status = Push(artifact, signature, activate);
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_EQ(ErrorOf(status).reason, reason) << status.error_message();
    EXPECT_EQ(server_.ActiveRevision(), active);
    EXPECT_EQ(TreeOf(server_.revision_dir()), before);
  }

  bool Serves(const std::string& artifact) {
    v1::GetPromptRequest request = SampleRequest();
    request.set_revision(policy::RevisionIdOf(artifact));
    return server_.GetPrompt(request).first.ok();
  }
  std::string FileOf(const std::string& artifact, const char* extension) const {
    return "revisions/" + policy::RevisionIdOf(artifact) + extension;
  }
  std::string Read(const std::string& name) const {
    return ReadFile(server_.dir().path() + "/" + name);
  }

  static constexpr auto kDenied = grpc::StatusCode::PERMISSION_DENIED;
  static constexpr auto kPrecondition = grpc::StatusCode::FAILED_PRECONDITION;

  const policy::SigningKey key_ = policy::SigningKey::Generate().value();
  const policy::SigningKey other_key_ = policy::SigningKey::Generate().value();
  const std::string one_ = MakeArtifact("one");
  const std::string two_ = MakeArtifact("two");
  const std::string three_ = MakeArtifact("three");
  ServerConfig config_;
  TestServer server_;
};

TEST_F(SignedPushTest, TakesWhatATrustedKeySigned) {
  const auto [status, response] = server_.PushRevision(
      one_, {.activate = true, .signature = Sign(one_, 1)});
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.revision().signature().number(), 1);
  EXPECT_EQ(response.revision().signature().key_id(), key_.key_id());
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
  EXPECT_EQ(Read(FileOf(one_, ".sig")), Sign(one_, 1).SerializeAsString());
  // The artifact's bytes and id do not depend on the signature.
  EXPECT_EQ(Read(FileOf(one_, ".attune")), one_);
  server_.Restart(config_);
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
}

TEST_F(SignedPushTest, RefusesWhatIsNotSigned) {
  MustPush(one_, 1);
  ExpectRefused(two_, std::nullopt, kDenied, "UNSIGNED");
  // Not even what is stored may be pushed by somebody without its signature.
  ExpectRefused(one_, std::nullopt, kDenied, "UNSIGNED");
  EXPECT_THAT(Push(two_, std::nullopt).error_message(),
              HasSubstr("attune sign"));
}

TEST_F(SignedPushTest, RefusesKeysThatAreNotTrusted) {
  ExpectRefused(one_, Sign(one_, 1, other_key_), kDenied, "KEY_NOT_TRUSTED");
}

TEST_F(SignedPushTest, RefusesSignaturesThatDoNotHold) {
  MustPush(one_, 1);
  v1::RevisionSignature bad = Sign(two_, 2);
  (*bad.mutable_signature())[5] ^= 1;
  ExpectRefused(two_, bad, kDenied, "SIGNATURE_INVALID");
  bad = Sign(two_, 2);
  bad.set_number(3);
  ExpectRefused(two_, bad, kDenied, "SIGNATURE_INVALID");
  // Another key's, under the name of a trusted one.
  bad = Sign(two_, 2, other_key_);
  bad.set_key_id(key_.key_id());
  ExpectRefused(two_, bad, kDenied, "SIGNATURE_INVALID");
  ExpectRefused(two_, v1::RevisionSignature(), kDenied, "SIGNATURE_INVALID");
}

TEST_F(SignedPushTest, RefusesASignatureOfOtherBytes) {
  ExpectRefused(two_, Sign(one_, 1), kDenied, "SIGNATURE_INVALID");
}

TEST_F(SignedPushTest, RefusesBeforeItTakesAByte) {
  MustPush(three_, 1);
  const auto reason = [this](std::optional<v1::RevisionSignature> signature) {
    // Without a refusal this would be a push that was cut off.
    return ErrorOf(
               server_.PushRevision(two_, {.send = 0, .signature = signature})
                   .first)
        .reason;
  };
  EXPECT_EQ(reason(std::nullopt), "UNSIGNED");
  EXPECT_EQ(reason(Sign(one_, 2)), "SIGNATURE_INVALID");
  EXPECT_EQ(reason(Sign(two_, 2, other_key_)), "KEY_NOT_TRUSTED");
  EXPECT_EQ(reason(Sign(two_, 1)), "REVISION_NUMBER_NOT_NEW");
  EXPECT_EQ(reason(Sign(two_, 2)), "REVISION_TRUNCATED");
}

TEST_F(SignedPushTest, RefusesASignatureForAnotherPolicy) {
  const auto signature =
      key_.Sign(policy::RevisionDigestOf(one_), "other", 1).value();
  ExpectRefused(one_, signature, kDenied, "SIGNATURE_INVALID");
}

// The rollback attack: an old artifact with its true signature.
TEST_F(SignedPushTest, RefusesNumbersThatAreNotNew) {
  MustPush(two_, 7);
  ExpectRefused(one_, Sign(one_, 6), kPrecondition, "REVISION_NUMBER_NOT_NEW");
  ExpectRefused(one_, Sign(one_, 7), kPrecondition, "REVISION_NUMBER_NOT_NEW");
  MustPush(one_, 8);
}

TEST_F(SignedPushTest, RefusesNumbersTooFarAhead) {
  MustPush(one_, 7);
  ExpectRefused(two_, Sign(two_, 8 + kMaxNumberStep), kPrecondition,
                "REVISION_NUMBER_TOO_HIGH");
  MustPush(two_, 7 + kMaxNumberStep);
}

TEST_F(SignedPushTest, TheSameBytesAgainAreNoNewRevision) {
  MustPush(one_, 1);
  const auto before = TreeOf(server_.revision_dir());
  const auto [status, response] = server_.PushRevision(
      one_, {.activate = true, .signature = Sign(one_, 1)});
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.already_stored());
  EXPECT_EQ(TreeOf(server_.revision_dir()), before);
  MustPush(two_, 2);
  MustPush(one_, 1, /*activate=*/false);
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(two_));
}

// Pushing again must not be a way to roll back without the operators' right.
TEST_F(SignedPushTest, AnOldRevisionIsNotActivatedByAPush) {
  MustPush(one_, 1);
  MustPush(two_, 2);
  ExpectRefused(one_, Sign(one_, 1), kPrecondition, "REVISION_NUMBER_NOT_NEW");
  // Signed anew, it is.
  MustPush(one_, 3);
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
}

TEST_F(SignedPushTest, OperatorsGoBackAmongAcceptedRevisions) {
  MustPush(one_, 1);
  MustPush(two_, 2);
  EXPECT_TRUE(server_.Rollback().first.ok());
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
  server_.Restart(config_);
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
  EXPECT_TRUE(server_.SetActive(policy::RevisionIdOf(two_)).ok());
  // The numbers did not go back with it.
  ExpectRefused(three_, Sign(three_, 2), kPrecondition,
                "REVISION_NUMBER_NOT_NEW");
}

TEST_F(SignedPushTest, DeletingARevisionDoesNotFreeItsNumber) {
  MustPush(one_, 1);
  MustPush(two_, 9);
  ASSERT_TRUE(server_.SetActive(policy::RevisionIdOf(one_)).ok());
  grpc::ClientContext context;
  v1::DeleteRevisionRequest request;
  v1::DeleteRevisionResponse response;
  request.set_revision_id(policy::RevisionIdOf(two_));
  ASSERT_TRUE(
      server_.policies().DeleteRevision(&context, request, &response).ok());
  EXPECT_EQ(Read(FileOf(two_, ".sig")), "");
  server_.Restart(config_);
  ExpectRefused(three_, Sign(three_, 9), kPrecondition,
                "REVISION_NUMBER_NOT_NEW");
  // The very bytes that had it may come back.
  MustPush(two_, 9);
}

TEST_F(SignedPushTest, NumbersSurviveARestart) {
  MustPush(one_, 7);
  server_.Restart(config_);
  ExpectRefused(two_, Sign(two_, 7), kPrecondition, "REVISION_NUMBER_NOT_NEW");
}

// A crash after the number was written and before the artifact was stored.
TEST_F(SignedPushTest, APushThatWasCutOffAfterItsNumberCountsGoesOn) {
  MustPush(one_, 7);
  std::filesystem::remove(server_.dir().path() + "/" + FileOf(one_, ".attune"));
  server_.Restart(config_);
  EXPECT_FALSE(Serves(one_));
  MustPush(one_, 7);
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
}

TEST_F(SignedPushTest, AStoredRevisionWithoutItsSignatureDoesNotServe) {
  MustPush(one_, 1);
  MustPush(two_, 2);
  const std::string good = Read(FileOf(two_, ".sig"));
  std::string flipped = Sign(two_, 2).SerializeAsString();
  flipped.back() ^= 1;
  for (const std::string& bad :
       {std::string(), std::string("x"), flipped,
        Sign(one_, 1).SerializeAsString(), good.substr(1),
        Sign(two_, 2, other_key_).SerializeAsString(),
        // Truly signed, but nobody ever pushed it with this number.
        Sign(two_, 3).SerializeAsString()}) {
    server_.dir().Write(FileOf(two_, ".sig"), bad);
    server_.Restart(config_);
    EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
    EXPECT_FALSE(Serves(two_));
    // Both are left for a person to look at.
    EXPECT_EQ(Read(FileOf(two_, ".attune")), two_);
    EXPECT_EQ(Read(FileOf(two_, ".sig")), bad);
  }
  std::filesystem::remove(server_.dir().path() + "/" + FileOf(two_, ".sig"));
  server_.Restart(config_);
  EXPECT_FALSE(Serves(two_));
  server_.dir().Write(FileOf(two_, ".sig"), good);
  server_.Restart(config_);
  EXPECT_TRUE(Serves(two_));
}

// Whoever can write to the disk but not sign.
TEST_F(SignedPushTest, AnArtifactThatWasPutThereDoesNotServe) {
  MustPush(one_, 1);
  server_.dir().Write(FileOf(two_, ".attune"), two_);
  server_.Restart(config_);
  EXPECT_FALSE(Serves(two_));
  server_.dir().Write(FileOf(two_, ".sig"), Sign(two_, 2).SerializeAsString());
  server_.Restart(config_);
  EXPECT_FALSE(Serves(two_));
  // It is still the next one to be pushed.
  MustPush(two_, 2);
  EXPECT_TRUE(Serves(two_));
}

TEST_F(SignedPushTest, KeysRotateWithoutAGap) {
  MustPush(one_, 1);
  Trust({&key_, &other_key_});
  // The new key vouches for what the old one signed.
  ASSERT_TRUE(Push(one_, Sign(one_, 1, other_key_)).ok());
  EXPECT_EQ(Read(FileOf(one_, ".sig")),
            Sign(one_, 1, other_key_).SerializeAsString());
  MustPush(two_, 2, /*activate=*/false);
  Trust({&other_key_});
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
  EXPECT_FALSE(Serves(two_));
  ExpectRefused(two_, Sign(two_, 2), kDenied, "KEY_NOT_TRUSTED");
}

// A receipt saves reading a large item table again; a signature does not hold
// for what was not read.
TEST_F(SignedPushTest, AReceiptDoesNotStandInForTheBytes) {
  // Above 64 MiB.
  const std::string large = MakeArtifactOfItems(17000, 1024);
  config_.max_revision_bytes = int64_t{128} << 20;
  config_.push_bytes_per_second = 0;
  server_.Restart(config_);
  ASSERT_TRUE(
      server_
          .PushRevision(large, {.chunk = 1 << 20, .signature = Sign(large, 1)})
          .first.ok());
  const std::string path =
      server_.dir().path() + "/" + FileOf(large, ".attune");
  const auto time = std::filesystem::last_write_time(path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(large.size() / 2));
  file.write("\0\0\0\0", 4);
  file.close();
  std::filesystem::last_write_time(path, time);
  ServerConfig without_keys;
  without_keys.max_revision_bytes = config_.max_revision_bytes;
  server_.Restart(without_keys);
  ASSERT_TRUE(Serves(large)) << "the receipt no longer counts without keys";
  server_.Restart(config_);
  EXPECT_FALSE(Serves(large));
}

// The first keys of a server that has revisions: signatures put beside them.
TEST_F(SignedPushTest, AServerGetsItsFirstKeysWithoutAGap) {
  server_.Restart();
  ASSERT_TRUE(Push(one_, std::nullopt).ok());
  ASSERT_TRUE(Push(two_, std::nullopt).ok());
  server_.dir().Write(FileOf(two_, ".sig"), Sign(two_, 5).SerializeAsString());
  server_.Restart(config_);
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(two_));
  EXPECT_FALSE(Serves(one_));
  ExpectRefused(three_, Sign(three_, 5), kPrecondition,
                "REVISION_NUMBER_NOT_NEW");
  MustPush(one_, 6);
}

TEST_F(SignedPushTest, WithoutKeysSignaturesAreNotLookedAt) {
  server_.Restart();
  v1::RevisionSignature bad = Sign(one_, 1, other_key_);
  bad.clear_digest();
  ASSERT_TRUE(Push(one_, bad).ok());
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(one_));
  for (const auto& [path, bytes] : TreeOf(server_.revision_dir())) {
    EXPECT_THAT(path, Not(HasSubstr(".sig")));
    EXPECT_THAT(path, Not(HasSubstr("numbers.json")));
  }
}

TEST_F(SignedPushTest, DoesNotStartFromDamagedNumbers) {
  MustPush(one_, 7);
  server_.dir().Write("revisions/numbers.json", "{");
  ServerConfig config = config_;
  config.data_listen = config.control_listen = config.metrics_listen =
      "127.0.0.1:0";
  config.revision_dir = server_.revision_dir();
  config.catalog = server_.dir().path() + "/catalog.yaml";
  EXPECT_THAT(Server::Start({config, nullptr}).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("numbers.json")));
}

TEST_F(SignedPushTest, DoesNotStartWithoutItsKeys) {
  ServerConfig config = config_;
  config.catalog = server_.dir().path() + "/catalog.yaml";
  config.revision_dir = server_.dir().path() + "/elsewhere";
  config.trusted_keys_file = server_.dir().path() + "/none.pem";
  EXPECT_THAT(Server::Start({config, nullptr}).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.pem")));
  config.trusted_keys_file =
      server_.dir().Write("private.pem", key_.PrivatePem());
  EXPECT_THAT(Server::Start({config, nullptr}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("private.pem: trusted keys: ")));
}

}  // namespace
}  // namespace attune::server
