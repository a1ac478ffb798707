// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CERTIFICATE_SET_H_
#define ATTUNE_SERVER_CERTIFICATE_SET_H_

// What a server shows and trusts in a TLS handshake: its certificate with the
// chain, the key, and the CAs of its clients. Pure functions but for the reading
// of files; safe to call from any thread.

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace attune::server {

// PEM files.
struct CertificateFiles {
  // The server's certificate first, then intermediate ones.
  std::string certificate;
  std::string key;
  // Empty: clients show no certificate.
  std::string client_ca;
};

// A set that was found good; PEM texts.
struct CertificateSet {
  std::string certificate;
  std::string key;
  std::string client_ca;
  // When the first certificate of the chain expires.
  absl::Time expiry;

  friend bool operator==(const CertificateSet&,
                         const CertificateSet&) = default;
};

// Reads the files and checks that they are whole, that the key is the
// certificate's, that every certificate of the chain and a CA of the clients are
// valid at `now`, and that OpenSSL serves with them. kInvalidArgument or
// kNotFound, with the setting, the file and what is wrong.
absl::StatusOr<CertificateSet> ReadCertificateSet(const CertificateFiles& files,
                                                  absl::Time now);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CERTIFICATE_SET_H_
