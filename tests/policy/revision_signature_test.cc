// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/revision_signature.h"

#include <limits>
#include <string>

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/names.h"
#include "policy/signing_key.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Verdict = TrustedKeys::Verdict;

// The key whose secret bytes are 0 to 31. What is expected of it was made with
// `openssl pkey` and `openssl pkeyutl`, as docs/revision_format.md shows.
constexpr char kPrivatePem[] = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
)";
constexpr char kPublicPem[] = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
-----END PUBLIC KEY-----
)";
constexpr char kKeyId[] = "56475aa75463474c";
constexpr char kSignatureHex[] =
    "c03255af9d9aa854fca5670fc6aef6fb847f6919e09c5ef9c498725897993e37"
    "d0ac36d2a1491ce912d384f302ee988c9471ad3c9853f4f3e2e5cd0152e75603";
// An X25519 key: PEM and of 32 bytes, but it verifies nothing.
constexpr char kOtherAlgorithmPem[] = R"(-----BEGIN PUBLIC KEY-----
MCowBQYDK2VuAyEAocp8ZIUgX0fbsKh9iC9a/WdD/eqQmUwlYNiV24oKFj8=
-----END PUBLIC KEY-----
)";
constexpr char kEncryptedPem[] = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhtMQkVvcasAgICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEHouhq8X7jfdpK9uRx53YwsEQET/
xUqBrDVhGq4p1q5KAlCrJgUkHCopW6kCEdmse0nmHRbDPDtdTzOw9i7M9SoZLHET
Cv3wEIcZAvvNnyZv5RE=
-----END ENCRYPTED PRIVATE KEY-----
)";

std::string Digest() {
  std::string digest;
  for (int i = 0; i < 32; ++i) digest += "ab";
  return digest;
}

v1::RevisionSignature Sample() {
  return SigningKey::FromPem(kPrivatePem)->Sign(Digest(), "movies", 7).value();
}

TrustedKeys Trusted(const std::string& pem = kPublicPem) {
  auto keys = TrustedKeys::FromPem(pem);
  EXPECT_THAT(keys, IsOk());
  return *std::move(keys);
}

// Another program that follows docs/revision_format.md signs the same bytes.
TEST(RevisionSignatureTest, IsWhatOpensslSigns) {
  const v1::RevisionSignature signature = Sample();
  EXPECT_EQ(SignedBytes(signature), "attune revision signature 1\ndigest " +
                                        Digest() +
                                        "\npolicy movies\nnumber 7\n");
  EXPECT_EQ(signature.key_id(), kKeyId);
  EXPECT_EQ(absl::BytesToHexString(signature.signature()), kSignatureHex);
  EXPECT_EQ(Trusted().Verify(signature), Verdict::kGood);
}

TEST(RevisionSignatureTest, SurvivesItsFile) {
  const v1::RevisionSignature signature = Sample();
  const auto parsed = ParseSignature(signature.SerializeAsString());
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->SerializeAsString(), signature.SerializeAsString());
}

TEST(RevisionSignatureTest, HoldsForNothingElse) {
  const TrustedKeys trusted = Trusted();
  v1::RevisionSignature other = Sample();
  other.set_number(8);
  EXPECT_EQ(trusted.Verify(other), Verdict::kInvalid);
  other = Sample();
  other.set_policy("moviez");
  EXPECT_EQ(trusted.Verify(other), Verdict::kInvalid);
  other = Sample();
  (*other.mutable_digest())[63] = 'c';
  EXPECT_EQ(trusted.Verify(other), Verdict::kInvalid);
  other = Sample();
  other.set_key_id("0000000000000000");
  EXPECT_EQ(trusted.Verify(other), Verdict::kNotTrusted);
}

TEST(RevisionSignatureTest, IsInvalidWithAnyBitFlipped) {
  const TrustedKeys trusted = Trusted();
  v1::RevisionSignature flipped = Sample();
  for (int bit = 0; bit < 8 * kEd25519SignatureBytes; ++bit) {
    char& byte = (*flipped.mutable_signature())[bit / 8];
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    EXPECT_EQ(trusted.Verify(flipped), Verdict::kInvalid) << "bit " << bit;
    byte = static_cast<char>(byte ^ (1 << bit % 8));
  }
}

TEST(RevisionSignatureTest, IsInvalidWithAFieldOutOfItsRange) {
  struct Case {
    void (*change)(v1::RevisionSignature&);
    const char* field;
  };
  using S = v1::RevisionSignature;
  for (const Case& c : std::vector<Case>{
           {[](S& s) { s.set_key_id("../../../../../x"); }, "key_id"},
           {[](S& s) { s.clear_key_id(); }, "key_id"},
           {[](S& s) { s.set_digest(std::string(64, 'A')); }, "digest"},
           {[](S& s) { s.set_digest("../" + s.digest().substr(3)); }, "digest"},
           {[](S& s) { s.set_policy("a\nnumber 9"); }, "policy"},
           {[](S& s) { s.set_policy("../a"); }, "policy"},
           {[](S& s) { s.set_policy(""); }, "policy"},
           {[](S& s) { s.set_number(0); }, "number"},
           {[](S& s) { s.set_number(-7); }, "number"},
           {[](S& s) { s.clear_signature(); }, "signature"},
           {[](S& s) { *s.mutable_signature() += '\0'; }, "signature"}}) {
    v1::RevisionSignature bad = Sample();
    c.change(bad);
    EXPECT_THAT(ValidateSignature(bad),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         StartsWith(std::string("signature.") + c.field)));
    EXPECT_EQ(Trusted().Verify(bad), Verdict::kInvalid) << c.field;
    EXPECT_THAT(ParseSignature(bad.SerializeAsString()),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(ParseSignature("\xff"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseSignature(std::string(kMaxSignatureFileBytes + 1, '\0')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SigningKeyTest, RefusesWhatCannotBeSaidUnambiguously) {
  const SigningKey key = SigningKey::FromPem(kPrivatePem).value();
  const auto invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(key.Sign("x", "movies", 1), StatusIs(invalid));
  EXPECT_THAT(key.Sign(Digest(), "Movies", 1), StatusIs(invalid));
  EXPECT_THAT(key.Sign(Digest(), "movies", 0), StatusIs(invalid));
  EXPECT_THAT(key.Sign(Digest(), "movies", std::numeric_limits<int64_t>::max()),
              IsOk());
}

TEST(SigningKeyTest, RoundTripsThroughPem) {
  const SigningKey key = SigningKey::Generate().value();
  const auto again = SigningKey::FromPem(key.PrivatePem());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->key_id(), key.key_id());
  EXPECT_EQ(Trusted(key.PublicPem())
                .Verify(again->Sign(Digest(), "movies", 1).value()),
            Verdict::kGood);
  EXPECT_NE(SigningKey::Generate()->key_id(), key.key_id());
  EXPECT_EQ(SigningKey::FromPem(kPrivatePem)->PrivatePem(), kPrivatePem);
  EXPECT_EQ(SigningKey::FromPem(kPrivatePem)->PublicPem(), kPublicPem);
}

TEST(SigningKeyTest, RefusesOtherKeys) {
  const std::string two_halves(kPrivatePem);
  for (const std::string& pem :
       {std::string(), std::string("hello"), std::string(kPublicPem),
        std::string(kEncryptedPem), two_halves.substr(0, 60)}) {
    EXPECT_THAT(SigningKey::FromPem(pem),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         StartsWith("signing key: ")))
        << pem;
  }
}

// Rotation: for a while both keys are trusted.
TEST(TrustedKeysTest, AcceptsEachOfSeveralKeys) {
  const SigningKey next = SigningKey::Generate().value();
  const TrustedKeys both =
      Trusted("# the old key\n" + std::string(kPublicPem) +
              "\n# the new key\n" + next.PublicPem() + kPublicPem);
  EXPECT_EQ(both.size(), 2U);
  EXPECT_EQ(both.Verify(Sample()), Verdict::kGood);
  EXPECT_EQ(both.Verify(next.Sign(Digest(), "movies", 8).value()),
            Verdict::kGood);
  EXPECT_EQ(Trusted().Verify(next.Sign(Digest(), "movies", 8).value()),
            Verdict::kNotTrusted);
}

// A signature under another key's name is not that key's.
TEST(TrustedKeysTest, VerifiesWithTheNamedKeyOnly) {
  const SigningKey next = SigningKey::Generate().value();
  v1::RevisionSignature renamed = Sample();
  renamed.set_key_id(next.key_id());
  EXPECT_EQ(Trusted(kPublicPem + next.PublicPem()).Verify(renamed),
            Verdict::kInvalid);
}

TEST(TrustedKeysTest, RefusesFilesThatAreNotAllPublicKeys) {
  const std::string good(kPublicPem);
  const auto invalid = absl::StatusCode::kInvalidArgument;
  for (const std::string& pem :
       {std::string(), std::string("hello"), good.substr(0, 60),
        good + good.substr(0, 60), good + kOtherAlgorithmPem,
        good +
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}) {
    EXPECT_THAT(TrustedKeys::FromPem(pem), StatusIs(invalid)) << pem;
  }
  EXPECT_THAT(TrustedKeys::FromPem(good + kPrivatePem),
              StatusIs(invalid, HasSubstr("PRIVATE KEY")));
  EXPECT_THAT(TrustedKeys::FromPem(good + kEncryptedPem),
              StatusIs(invalid, HasSubstr("PRIVATE KEY")));
}

TEST(NamesTest, AreNoPaths) {
  for (const char* good : {"a", "movies", "9-a_b", "uniform-0123abcd"}) {
    EXPECT_TRUE(IsName(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("../x"),
        std::string("/x"), std::string("a/b"), std::string("a.b"),
        std::string("a\0b", 3), std::string("-a"), std::string("A"),
        std::string("a\n"), std::string("\xc3\xa9"), std::string(64, 'a')}) {
    EXPECT_FALSE(IsName(bad)) << bad;
  }
  EXPECT_TRUE(IsName(std::string(63, 'a')));
  EXPECT_TRUE(IsSha256Hex(Digest()));
  EXPECT_FALSE(IsSha256Hex(std::string(64, 'A')));
  EXPECT_FALSE(IsSha256Hex(std::string(64, 'g')));
  EXPECT_FALSE(IsSha256Hex(std::string(63, 'a')));
}

}  // namespace
}  // namespace attune::policy
