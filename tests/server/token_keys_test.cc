// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/token_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/server/temp_dir.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;

const std::string kHexA(64, 'a');
const std::string kHexB(64, 'b');
const std::string kKeyA(32, '\xaa');
const std::string kKeyB(32, '\xbb');

TEST(ParseTokenKeysTest, ReadsAKeyALineTheFirstOneFirst) {
  EXPECT_THAT(ParseTokenKeys(kHexB + "\n\n  " + kHexA + " \r\n").value(),
              ElementsAre(kKeyB, kKeyA));
  EXPECT_THAT(ParseTokenKeys(kHexA).value(), ElementsAre(kKeyA));
}

TEST(ParseTokenKeysTest, ReadsRawBytesThatLookLikeLines) {
  const std::string raw = std::string(20, 'x') + "\n" + std::string(20, 'y');
  EXPECT_THAT(ParseTokenKeys(raw).value(), ElementsAre(raw));
}

TEST(ParseTokenKeysTest, RefusesAMistakeInOneOfSeveralLines) {
  for (const std::string& file :
       {std::string(), std::string("\n\n"), kHexA + "\n" + std::string(62, 'b'),
        kHexA + "\n# comment\n", std::string("short")}) {
    EXPECT_THAT(ParseTokenKeys(file).status(),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << file;
  }
}

TEST(MakeSignerTest, TheFirstKeySignsAndAllVerify) {
  const TempDir dir;
  ServerConfig config;
  const auto signer_of = [&](const std::string& keys) {
    config.token_key_file = dir.Write("keys", keys);
    return MakeSigner(config, "");
  };
  DecisionClaims claims;
  claims.issue_time = absl::FromUnixSeconds(1764000000);
  const std::string old_token = signer_of(kHexA)->Sign(claims);
  const std::string new_token = signer_of(kHexB + "\n" + kHexA)->Sign(claims);
  EXPECT_THAT(signer_of(kHexB + "\n" + kHexA)->VerifySignature(old_token),
              IsOk());
  EXPECT_THAT(signer_of(kHexA + "\n" + kHexB)->VerifySignature(new_token),
              IsOk());
  EXPECT_THAT(signer_of(kHexB)->VerifySignature(new_token), IsOk());
  EXPECT_THAT(signer_of(kHexB)->VerifySignature(old_token),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(MakeSignerTest, KeepsTheUsersKeyBesideTheLogForItselfAlone) {
  const TempDir dir;
  ServerConfig config;
  config.token_key_file = dir.Write("keys", kHexA);
  const auto before = MakeSigner(config, dir.path());
  ASSERT_THAT(before, IsOk());
  struct stat info;
  ASSERT_EQ(::stat((dir.path() + "/user.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  config.token_key_file = dir.Write("keys", kHexB);
  const auto after = MakeSigner(config, dir.path());
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ(before->Pseudonym("ann"), after->Pseudonym("ann"));
  config.user_key_file = dir.Write("user", kHexB);
  EXPECT_NE(MakeSigner(config, dir.path())->Pseudonym("ann"),
            after->Pseudonym("ann"));
}

}  // namespace
}  // namespace attune::server
