// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// From `attune keygen` to a revision that serves, against a real server.

#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/cli/cli.h"
#include "client/policy_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/revision_signature.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::client {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

class SigningTest : public ::testing::Test {
 protected:
  struct Result {
    int code = 0;
    std::string out;
    std::string err;
  };
  static Result Run(std::vector<std::string> arguments) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const int code =
        RunCli(std::move(arguments), {.in = in, .out = out, .err = err});
    return {.code = code, .out = out.str(), .err = err.str()};
  }
  Result MakeKey(const std::string& name) const {
    return Run({"keygen", "--out", PathOf(name)});
  }
  Result Sign(const std::string& path, int number) const {
    return Run({"sign", path, "--key", PathOf("release.pem"), "--number",
                std::to_string(number)});
  }
  Result Push(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "push");
    arguments.insert(arguments.end(), {"--activate", "--control", Target()});
    return Run(std::move(arguments));
  }
  PolicyClient Policies() {
    return PolicyClient::Create({.target = Target()}).value();
  }

  void TrustTheKey() {
    ASSERT_EQ(MakeKey("release").code, kExitOk);
    server::ServerConfig config;
    config.trusted_keys_file = PathOf("release.pub.pem");
    server_.Restart(config);
  }

  std::string Target() {
    return absl::StrCat("127.0.0.1:", server_.server().ports().control);
  }
  std::string PathOf(const std::string& name) const {
    return server_.dir().path() + "/" + name;
  }

  server::TestServer server_;
  const std::string bytes_ = server::MakeArtifact("one");
  const std::string artifact_ = server_.dir().Write("one.attune", bytes_);
};

TEST_F(SigningTest, ASignedArtifactServes) {
  TrustTheKey();
  const Result signing = Sign(artifact_, 7);
  ASSERT_EQ(signing.code, kExitOk) << signing.err;
  EXPECT_THAT(signing.out, HasSubstr("policy     sample\nnumber     7\n"));
  EXPECT_THAT(signing.out, HasSubstr(policy::RevisionDigestOf(bytes_)));
  const Result pushed = Push({artifact_});
  ASSERT_EQ(pushed.code, kExitOk) << pushed.err;
  EXPECT_EQ(server_.ActiveRevision(), policy::RevisionIdOf(bytes_));
  const Result shown =
      Run({"revisions", policy::RevisionIdOf(bytes_), "--control", Target()});
  EXPECT_THAT(shown.out, HasSubstr("\nnumber    7, signed by "));
  const auto json =
      nlohmann::json::parse(Run({"revisions", policy::RevisionIdOf(bytes_),
                                 "--json", "--control", Target()})
                                .out);
  EXPECT_EQ(json["signature"]["number"], 7);
}

TEST_F(SigningTest, ASignatureMayLieElsewhere) {
  TrustTheKey();
  ASSERT_EQ(Run({"sign", artifact_, "--key", PathOf("release.pem"), "--number",
                 "1", "--out", PathOf("approved")})
                .code,
            kExitOk);
  EXPECT_EQ(Push({artifact_}).code, kExitError);
  const Result pushed = Push({artifact_, "--signature", PathOf("approved")});
  EXPECT_EQ(pushed.code, kExitOk) << pushed.err;
}

// What somebody reads who trains and pushes without the key.
TEST_F(SigningTest, AnUnsignedPushSaysWhatToDo) {
  TrustTheKey();
  const Result pushed = Push({artifact_});
  EXPECT_EQ(pushed.code, kExitError);
  EXPECT_THAT(pushed.err, HasSubstr("PERMISSION_DENIED"));
  EXPECT_THAT(pushed.err, HasSubstr("attune sign"));
  EXPECT_THAT(pushed.err, HasSubstr("[UNSIGNED]"));
  EXPECT_EQ(server::ReadFile(artifact_), bytes_);
}

TEST_F(SigningTest, TheSdkTakesTheSignatureBesideTheFile) {
  TrustTheKey();
  EXPECT_THAT(Policies().PushRevisionFile(artifact_),
              StatusIs(absl::StatusCode::kPermissionDenied));
  ASSERT_EQ(Sign(artifact_, 1).code, kExitOk);
  EXPECT_THAT(Policies().PushRevisionFile(artifact_), IsOk());
}

TEST_F(SigningTest, ASignatureOfOtherBytesIsNotSent) {
  TrustTheKey();
  ASSERT_EQ(Sign(artifact_, 1).code, kExitOk);
  // Trained anew under the same name.
  server_.dir().Write("one.attune", server::MakeArtifact("two"));
  EXPECT_THAT(Policies().PushRevisionFile(artifact_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("signature: of another artifact")));
  server_.dir().Write("one.attune.sig", "garbage");
  EXPECT_THAT(Policies().PushRevisionFile(artifact_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("one.attune.sig: ")));
}

TEST_F(SigningTest, KeysAreForTheirOwnerAndNeverReplaced) {
  const Result made = MakeKey("release");
  ASSERT_EQ(made.code, kExitOk) << made.err;
  struct stat info;
  ASSERT_EQ(::stat(PathOf("release.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const std::string before = server::ReadFile(PathOf("release.pem"));
  const Result again = MakeKey("release");
  EXPECT_EQ(again.code, kExitError);
  EXPECT_THAT(again.err, HasSubstr("release.pem"));
  EXPECT_EQ(server::ReadFile(PathOf("release.pem")), before);
  // No half of a pair stays where the other one cannot be.
  server_.dir().Write("next.pub.pem", "mine");
  EXPECT_EQ(MakeKey("next").code, kExitError);
  EXPECT_FALSE(std::filesystem::exists(PathOf("next.pem")));
  EXPECT_EQ(server::ReadFile(PathOf("next.pub.pem")), "mine");
}

TEST_F(SigningTest, TellsTheKeyAndTheSignatureAsJson) {
  const auto key = nlohmann::json::parse(
      Run({"keygen", "--out", PathOf("release"), "--json"}).out);
  EXPECT_EQ(key["public_key_file"], PathOf("release.pub.pem"));
  const auto signature = nlohmann::json::parse(
      Run({"sign", artifact_, "--key", key["private_key_file"], "--number", "7",
           "--json"})
          .out);
  EXPECT_EQ(signature["key_id"], key["key_id"]);
  EXPECT_EQ(signature["number"], 7);
  EXPECT_EQ(signature["signature_file"], artifact_ + ".sig");
}

TEST_F(SigningTest, SignsNothingThatAServerWouldRefuse) {
  ASSERT_EQ(MakeKey("release").code, kExitOk);
  std::string damaged = bytes_;
  damaged[damaged.size() / 2] ^= 1;
  const std::string path = server_.dir().Write("bad.attune", damaged);
  const Result signing = Sign(path, 1);
  EXPECT_EQ(signing.code, kExitError);
  EXPECT_THAT(signing.err, HasSubstr("digest"));
  EXPECT_FALSE(std::filesystem::exists(path + ".sig"));
  EXPECT_EQ(Sign(artifact_, 0).code, kExitUsage);
  const Result no_key = Run(
      {"sign", artifact_, "--key", PathOf("release.pub.pem"), "--number", "1"});
  EXPECT_EQ(no_key.code, kExitError);
  EXPECT_THAT(no_key.err, HasSubstr("release.pub.pem: signing key: "));
}

TEST_F(SigningTest, HelpHasExamples) {
  for (const std::string command : {"keygen", "sign"}) {
    const Result help = Run({command, "--help"});
    EXPECT_EQ(help.code, kExitOk);
    EXPECT_THAT(help.out, HasSubstr("Examples:\n  attune " + command));
  }
}

}  // namespace
}  // namespace attune::client
