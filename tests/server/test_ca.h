// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_TEST_CA_H_
#define ATTUNE_TESTS_SERVER_TEST_CA_H_

// Certificates that a test makes for itself, good ones and others.
//
// Example:
//   const TestCa ca("ca");
//   const TestCertificate server = ca.Issue({.names = "DNS:localhost"});

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace attune::server {

// PEM texts.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

struct CertificateRequest {
  std::string common_name = "test";
  // Subject alternative names as OpenSSL writes them: "DNS:localhost,URI:x:y".
  // Empty: none.
  std::string names = "";
  // By default valid today and on a test's clock.
  absl::Time begin =
      absl::FromCivil(absl::CivilDay(2020, 1, 1), absl::UTCTimeZone());
  absl::Time end =
      absl::FromCivil(absl::CivilDay(2090, 1, 1), absl::UTCTimeZone());
  // As OpenSSL writes it: "serverAuth". Empty: for anything.
  std::string usage = "";
  // Bits of an RSA key; 0 for an elliptic curve.
  unsigned rsa_bits = 0;
};

class TestCa {
 public:
  explicit TestCa(const std::string& common_name);

  // The CA's own certificate.
  const std::string& pem() const { return pem_; }
  TestCertificate Issue(const CertificateRequest& request) const;
  // Signed by the key of a certificate that is no CA's.
  TestCertificate IssueBelow(const CertificateRequest& request) const;

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::shared_ptr<X509> certificate_;
  std::string pem_;
};

TestCertificate SelfSigned(const CertificateRequest& request);

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_TEST_CA_H_
