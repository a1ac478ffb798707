// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/certificate_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "server/reloaded.h"
#include "tests/server/temp_dir.h"
#include "tests/server/test_ca.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const absl::Time kNow =
    absl::FromCivil(absl::CivilDay(2026, 6, 1), absl::UTCTimeZone());

// A good set of files, and the ways in which it goes bad.
class CertificateSetTest : public ::testing::Test {
 protected:
  CertificateSetTest() { WriteGood(); }

  void WriteGood() { Write(Issue({})); }
  void Write(const TestCertificate& made) {
    dir_.Write("cert.pem", made.certificate);
    dir_.Write("key.pem", made.key);
    dir_.Write("ca.pem", ca_.pem());
  }
  TestCertificate Issue(CertificateRequest request) const {
    request.names = "DNS:localhost";
    return ca_.Issue(request);
  }
  absl::StatusOr<CertificateSet> Read(absl::Time now = kNow) const {
    return ReadCertificateSet(files_, now);
  }

  const TempDir dir_;
  const TestCa ca_{"ca"};
  const CertificateFiles files_ = {dir_.path() + "/cert.pem",
                                   dir_.path() + "/key.pem",
                                   dir_.path() + "/ca.pem"};
};

TEST_F(CertificateSetTest, ReadsAGoodSet) {
  const auto set = Read();
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(set->certificate, ReadFile(files_.certificate));
  EXPECT_EQ(set->key, ReadFile(files_.key));
  EXPECT_EQ(set->client_ca, ReadFile(files_.client_ca));
}

TEST_F(CertificateSetTest, ExpiresWithTheFirstOfItsChain) {
  const absl::Time soon = kNow + absl::Hours(1);
  const TestCertificate leaf = Issue({});
  const TestCertificate other = Issue({.end = soon});
  Write({leaf.certificate + other.certificate, leaf.key});
  const auto set = Read();
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(set->expiry, soon);
  EXPECT_THAT(Read(soon), StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("expired")));
}

TEST_F(CertificateSetTest, TakesAnRsaKeyAndAnyText) {
  TestCertificate made = Issue({.rsa_bits = 2048});
  made.certificate = "Subject: somebody\n" + made.certificate + "\n\n";
  Write(made);
  EXPECT_THAT(Read(), IsOk());
}

TEST_F(CertificateSetTest, AnOldCaMayStayBesideAGoodOne) {
  const std::string old =
      SelfSigned({.common_name = "old", .end = kNow - absl::Hours(1)})
          .certificate;
  dir_.Write("ca.pem", old + ca_.pem());
  EXPECT_THAT(Read(), IsOk());
  dir_.Write("ca.pem", old);
  EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kInvalidArgument,
                               AllOf(StartsWith("tls_client_ca_file: "),
                                     HasSubstr("expired"))));
}

// Every way to be bad: what is on the disk, the setting, and what is said of it.
struct Badness {
  const char* name;
  void (*make)(const TempDir&, const TestCa&);
  const char* setting;
  const char* error;
};

void Half(const TempDir& dir, const std::string& name) {
  const std::string whole = ReadFile(dir.path() + "/" + name);
  dir.Write(name, whole.substr(0, whole.size() / 2));
}

void WriteIssued(const TempDir& dir, const TestCa& ca,
                 const CertificateRequest& request) {
  const TestCertificate made = ca.Issue(request);
  dir.Write("cert.pem", made.certificate);
  dir.Write("key.pem", made.key);
}

const Badness kBad[] = {
    {"CertificateGone",
     [](const TempDir& dir, const TestCa&) {
       std::remove((dir.path() + "/cert.pem").c_str());
     },
     "tls_cert_file", "No such file"},
    {"KeyGone",
     [](const TempDir& dir, const TestCa&) {
       std::remove((dir.path() + "/key.pem").c_str());
     },
     "tls_key_file", "No such file"},
    {"CaGone",
     [](const TempDir& dir, const TestCa&) {
       std::remove((dir.path() + "/ca.pem").c_str());
     },
     "tls_client_ca_file", "No such file"},
    {"CertificateEmpty",
     [](const TempDir& dir, const TestCa&) { dir.Write("cert.pem", ""); },
     "tls_cert_file", "no certificate in it"},
    {"KeyEmpty",
     [](const TempDir& dir, const TestCa&) { dir.Write("key.pem", ""); },
     "tls_key_file", "no key"},
    {"CaEmpty",
     [](const TempDir& dir, const TestCa&) { dir.Write("ca.pem", ""); },
     "tls_client_ca_file", "no certificate in it"},
    {"CertificateHalf",
     [](const TempDir& dir, const TestCa&) { Half(dir, "cert.pem"); },
     "tls_cert_file", "damaged certificate"},
    {"KeyHalf", [](const TempDir& dir, const TestCa&) { Half(dir, "key.pem"); },
     "tls_key_file", "no key"},
    {"CaHalf", [](const TempDir& dir, const TestCa&) { Half(dir, "ca.pem"); },
     "tls_client_ca_file", "damaged certificate"},
    {"SecondOfTheChainHalf",
     [](const TempDir& dir, const TestCa& ca) {
       dir.Write("cert.pem", ReadFile(dir.path() + "/cert.pem") +
                                 ca.pem().substr(0, ca.pem().size() / 2));
     },
     "tls_cert_file", "damaged certificate"},
    {"KeyOfAnother",
     [](const TempDir& dir, const TestCa& ca) {
       dir.Write("key.pem", ca.Issue({}).key);
     },
     "tls_key_file", "not the key of tls_cert_file"},
    {"KeyWithAPassphrase",
     [](const TempDir& dir, const TestCa&) {
       dir.Write("key.pem",
                 "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n"
                 "-----END ENCRYPTED PRIVATE KEY-----\n");
     },
     "tls_key_file", "no key without a passphrase"},
    {"FilesSwapped",
     [](const TempDir& dir, const TestCa&) {
       const std::string key = ReadFile(dir.path() + "/key.pem");
       dir.Write("key.pem", ReadFile(dir.path() + "/cert.pem"));
       dir.Write("cert.pem", key);
     },
     "tls_cert_file", "no certificate in it"},
    {"Expired",
     [](const TempDir& dir, const TestCa& ca) {
       WriteIssued(dir, ca, {.end = kNow});
     },
     "tls_cert_file", "expired at 2026-06-01"},
    {"NotYetValid",
     [](const TempDir& dir, const TestCa& ca) {
       WriteIssued(dir, ca, {.begin = kNow + absl::Seconds(1)});
     },
     "tls_cert_file", "not valid before 2026-06-01"},
    {"KeyTooShort",
     [](const TempDir& dir, const TestCa& ca) {
       WriteIssued(dir, ca, {.rsa_bits = 1024});
     },
     "tls_cert_file", "OpenSSL does not serve with it"},
};

TEST_F(CertificateSetTest, RefusesABadSetAndSaysWhy) {
  for (const Badness& bad : kBad) {
    WriteGood();
    ASSERT_THAT(Read(), IsOk());
    bad.make(dir_, ca_);
    const auto set = Read();
    EXPECT_FALSE(set.ok()) << bad.name;
    EXPECT_THAT(std::string(set.status().message()),
                AllOf(StartsWith(bad.setting), HasSubstr(bad.error)))
        << bad.name;
  }
}

TEST_F(CertificateSetTest, ABadSetOnTheDiskKeepsTheLastGoodOne) {
  auto reloaded =
      Reloaded<CertificateSet>::Open("certificate", [this] { return Read(); });
  ASSERT_THAT(reloaded, IsOk());
  Reloaded<CertificateSet>& certificates = **reloaded;
  int64_t failures = 0;
  for (const Badness& bad : kBad) {
    const auto good = certificates.Get();
    bad.make(dir_, ca_);
    certificates.Reload();
    EXPECT_EQ(certificates.failures(), ++failures) << bad.name;
    EXPECT_EQ(certificates.Get(), good) << bad.name;
    WriteGood();
    certificates.Reload();
    EXPECT_EQ(certificates.failures(), failures) << bad.name;
    EXPECT_EQ(certificates.Get()->certificate, ReadFile(files_.certificate))
        << bad.name;
  }
}

TEST_F(CertificateSetTest, TheSameFilesAreNoNewSet) {
  auto reloaded =
      Reloaded<CertificateSet>::Open("certificate", [this] { return Read(); });
  ASSERT_THAT(reloaded, IsOk());
  const auto before = (*reloaded)->Get();
  (*reloaded)->Reload();
  EXPECT_EQ((*reloaded)->Get(), before);
}

}  // namespace
}  // namespace attune::server
