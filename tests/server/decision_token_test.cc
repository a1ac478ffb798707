// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/decision_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/random.h"
#include "server/error_reason.h"
#include "tests/testing/environment.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::FromEnvironment;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1764000000);
const std::string kKey(32, 'k');
const std::string kOtherKey(32, 'o');

TokenSigner MakeSigner(const std::string& key,
                       std::vector<std::string> older = {}) {
  return TokenSigner::Create(
             {.key = key, .older_keys = older, .ttl = absl::Hours(1)})
      .value();
}

DecisionClaims SampleClaims() {
  DecisionClaims claims;
  claims.decision_id = {1, 2, 3};
  claims.issue_time = kNow;
  claims.user = {9, 8};
  claims.revision_id = "0123456789abcdef";
  claims.catalog = {7};
  claims.options = {3, 0, 63, 1, 2};
  claims.probabilities = {0.25F, 1.0F, 0.125F, 0.5F, 0.75F};
  claims.history_length = 1000;
  const std::string_view ids[] = {"a", "b"};
  claims.candidates = HashCandidates(ids);
  return claims;
}

// How many forgeries to try: few, or what ATTUNE_FORGED_TOKENS says.
int ForgedTokens() { return FromEnvironment("ATTUNE_FORGED_TOKENS", 20000); }

TEST(TokenSignerTest, ATokenCarriesItsClaims) {
  const TokenSigner signer = MakeSigner(kKey);
  const DecisionClaims claims = SampleClaims();
  const auto verified = signer.Verify(signer.Sign(claims), kNow);
  ASSERT_THAT(verified, IsOk());
  EXPECT_EQ(verified->decision_id, claims.decision_id);
  EXPECT_EQ(verified->issue_time, claims.issue_time);
  EXPECT_EQ(verified->user, claims.user);
  EXPECT_EQ(verified->revision_id, claims.revision_id);
  EXPECT_EQ(verified->catalog, claims.catalog);
  EXPECT_EQ(verified->options, claims.options);
  EXPECT_EQ(verified->probabilities, claims.probabilities);
  EXPECT_EQ(verified->history_length, claims.history_length);
  EXPECT_EQ(verified->candidates, claims.candidates);
}

TEST(TokenSignerTest, RefusesATokenWithAnyBitFlipped) {
  const TokenSigner signer = MakeSigner(kKey, {kOtherKey});
  const std::string token = signer.Sign(SampleClaims());
  for (size_t bit = 0; bit < token.size() * 8; ++bit) {
    std::string forged = token;
    forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_THAT(signer.Verify(forged, kNow),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << "bit " << bit;
  }
}

TEST(TokenSignerTest, RefusesEveryPrefixAndAnExtension) {
  const TokenSigner signer = MakeSigner(kKey);
  const std::string token = signer.Sign(SampleClaims());
  for (size_t size = 0; size < token.size(); ++size) {
    ASSERT_THAT(signer.Verify(token.substr(0, size), kNow),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << size << " bytes";
  }
  EXPECT_THAT(signer.Verify(token + "x", kNow),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(signer.Verify(std::string(1 << 20, 'x'), kNow),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(TokenSignerTest, RefusesATokenOfAForeignKey) {
  const std::string token = MakeSigner(kOtherKey).Sign(SampleClaims());
  const auto verified = MakeSigner(kKey).Verify(token, kNow);
  EXPECT_THAT(verified, StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(ReasonOf(verified.status()), "TOKEN_NOT_OURS");
}

TEST(TokenSignerTest, AcceptsThePreviousKeyButSignsWithTheCurrentOne) {
  const TokenSigner before = MakeSigner(kOtherKey);
  const TokenSigner after = MakeSigner(kKey, {kOtherKey});
  EXPECT_THAT(after.Verify(before.Sign(SampleClaims()), kNow), IsOk());
  EXPECT_THAT(before.Verify(after.Sign(SampleClaims()), kNow), Not(IsOk()));
}

TEST(TokenSignerTest, AcceptsEveryOlderKeyInTurn) {
  std::vector<std::string> keys;
  std::vector<std::string> tokens;
  for (char c = 'a'; c < 'a' + 20; ++c) {
    keys.insert(keys.begin(), std::string(32, c));
    const TokenSigner signer =
        MakeSigner(keys.front(), {keys.begin() + 1, keys.end()});
    tokens.push_back(signer.Sign(SampleClaims()));
    for (const std::string& token : tokens) {
      EXPECT_THAT(signer.Verify(token, kNow), IsOk());
    }
  }
  keys.pop_back();
  const TokenSigner dropped =
      MakeSigner(keys.front(), {keys.begin() + 1, keys.end()});
  EXPECT_THAT(dropped.Verify(tokens.front(), kNow),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(TokenSignerTest, RefusesForgedTokens) {
  const TokenSigner signer = MakeSigner(kKey, {kOtherKey});
  const std::string token = signer.Sign(SampleClaims());
  policy::Rng rng(1);
  int accepted = 0;
  for (int i = 0; i < ForgedTokens(); ++i) {
    // Random bytes of a token's size, or a token with some bytes replaced.
    std::string forged = token;
    const uint32_t replaced = 1 + rng.Below(i % 2 == 0 ? 4 : 200);
    for (uint32_t k = 0; k < replaced; ++k) {
      forged[rng.Below(static_cast<uint32_t>(forged.size()))] =
          static_cast<char>(rng.Below(256));
    }
    if (forged != token && signer.VerifySignature(forged).ok()) ++accepted;
  }
  EXPECT_EQ(accepted, 0) << "of " << ForgedTokens();
}

TEST(TokenSignerTest, ATokenExpiresAfterItsTimeToLive) {
  const TokenSigner signer = MakeSigner(kKey);
  const std::string token = signer.Sign(SampleClaims());
  const absl::Time end = kNow + absl::Hours(1);
  EXPECT_THAT(signer.Verify(token, end - absl::Seconds(1)), IsOk());
  const auto verified = signer.Verify(token, end);
  EXPECT_THAT(verified, StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("expired")));
  EXPECT_EQ(ReasonOf(verified.status()), "TOKEN_EXPIRED");
}

TEST(TokenSignerTest, ATokenIsShort) {
  DecisionClaims claims = SampleClaims();
  claims.revision_id = std::string(64, 'r');
  claims.options.assign(16, 63);
  claims.probabilities.assign(16, 0.5F);
  EXPECT_LE(MakeSigner(kKey).Sign(claims).size(), 512u);
}

TEST(TokenSignerTest, CreateRefusesShortKeysAndNoTime) {
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(TokenSigner::Create({.key = "short"}).status(), StatusIs(code));
  EXPECT_THAT(
      TokenSigner::Create({.key = kKey, .older_keys = {"short"}}).status(),
      StatusIs(code));
  EXPECT_THAT(TokenSigner::Create({.key = kKey, .user_key = "short"}).status(),
              StatusIs(code));
  EXPECT_THAT(
      TokenSigner::Create({.key = kKey, .ttl = absl::ZeroDuration()}).status(),
      StatusIs(code));
}

TEST(TokenSignerTest, APseudonymDependsOnTheUserAndTheKey) {
  const TokenSigner signer = MakeSigner(kKey);
  const std::array<uint8_t, 8> zeros = {};
  EXPECT_EQ(signer.Pseudonym(""), zeros);
  EXPECT_NE(signer.Pseudonym("ann"), zeros);
  EXPECT_EQ(signer.Pseudonym("ann"), signer.Pseudonym("ann"));
  EXPECT_NE(signer.Pseudonym("ann"), signer.Pseudonym("bob"));
  EXPECT_NE(signer.Pseudonym("ann"), MakeSigner(kOtherKey).Pseudonym("ann"));
  EXPECT_EQ(TokenSigner::Create({.key = kOtherKey, .user_key = kKey})
                ->Pseudonym("ann"),
            signer.Pseudonym("ann"));
}

TEST(HashCandidatesTest, IgnoresTheOrderButNotTheIds) {
  const std::string_view ab[] = {"a", "b"};
  const std::string_view ba[] = {"b", "a"};
  const std::string_view joined[] = {"ab", ""};
  EXPECT_EQ(HashCandidates(ab), HashCandidates(ba));
  EXPECT_NE(HashCandidates(ab), HashCandidates(joined));
}

TEST(ParseTokenKeyTest, ReadsHexadecimalDigitsAndRawBytes) {
  const std::string hex(64, 'a');
  EXPECT_EQ(ParseTokenKey(hex + "\n").value(), std::string(32, '\xaa'));
  const std::string raw(32, '\x01');
  EXPECT_EQ(ParseTokenKey(raw).value(), raw);
}

TEST(ParseTokenKeyTest, RefusesShortKeysWithoutEchoingThem) {
  for (const std::string& key :
       {std::string(), std::string(31, 'x'), std::string(62, 'a')}) {
    EXPECT_THAT(ParseTokenKey(key), StatusIs(absl::StatusCode::kInvalidArgument,
                                             Not(HasSubstr("aaaa"))));
  }
}

}  // namespace
}  // namespace attune::server
