// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/certificate_set.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "server/file_io.h"

namespace attune::server {
namespace {

constexpr int64_t kMaxPemBytes = 1 << 20;

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Chain = std::vector<Certificate>;

// Nobody is there to type a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

Bio OpenText(const std::string& pem) {
  ERR_clear_error();
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::string OpenSslReason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "unknown" : reason;
}

absl::StatusOr<Chain> ParseChain(const std::string& pem) {
  const Bio bio = OpenText(pem);
  Chain chain;
  while (X509* certificate =
             PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)) {
    chain.emplace_back(certificate);
  }
  // That no more begins is the end; anything else is a certificate cut short.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return absl::InvalidArgumentError(
        absl::StrCat("damaged certificate: ", OpenSslReason()));
  }
  if (chain.empty()) return absl::InvalidArgumentError("no certificate in it");
  return chain;
}

absl::StatusOr<Key> ParseKey(const std::string& pem) {
  const Bio bio = OpenText(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("no key without a passphrase in it: ", OpenSslReason()));
  }
  return key;
}

absl::Time ToTime(const ASN1_TIME* time) {
  std::tm fields = {};
  if (ASN1_TIME_to_tm(time, &fields) != 1) return absl::InfinitePast();
  return absl::FromTM(fields, absl::UTCTimeZone());
}

absl::Status CheckDates(const X509* certificate, absl::Time now) {
  const absl::Time begin = ToTime(X509_get0_notBefore(certificate));
  const absl::Time end = ToTime(X509_get0_notAfter(certificate));
  if (now < begin) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not valid before ", absl::FormatTime(begin, absl::UTCTimeZone())));
  }
  if (now >= end) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expired at ", absl::FormatTime(end, absl::UTCTimeZone())));
  }
  return absl::OkStatus();
}

absl::Status CheckChain(const Chain& chain, absl::Time now) {
  for (const Certificate& certificate : chain) {
    ATTUNE_RETURN_IF_ERROR(CheckDates(certificate.get(), now));
  }
  return absl::OkStatus();
}

// Old CAs may stay in the file while there is a good one.
absl::Status CheckCas(const std::string& pem, absl::Time now) {
  ATTUNE_ASSIGN_OR_RETURN(const Chain chain, ParseChain(pem));
  absl::Status status;
  for (const Certificate& certificate : chain) {
    status = CheckDates(certificate.get(), now);
    if (status.ok()) return status;
  }
  return status;
}

absl::Time ExpiryOf(const Chain& chain) {
  absl::Time expiry = absl::InfiniteFuture();
  for (const Certificate& certificate : chain) {
    expiry = std::min(expiry, ToTime(X509_get0_notAfter(certificate.get())));
  }
  return expiry;
}

// Does what gRPC will do with it: OpenSSL's security level may refuse a short
// key or an old digest.
absl::Status TryToServe(const Chain& chain, EVP_PKEY* key) {
  const Context context(SSL_CTX_new(TLS_server_method()));
  bool good = SSL_CTX_use_certificate(context.get(), chain[0].get()) == 1;
  for (size_t i = 1; good && i < chain.size(); ++i) {
    good = SSL_CTX_add1_chain_cert(context.get(), chain[i].get()) == 1;
  }
  good = good && SSL_CTX_use_PrivateKey(context.get(), key) == 1;
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("OpenSSL does not serve with it: ", OpenSslReason()));
}

absl::Status About(const char* setting, const std::string& path,
                   const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(
      status.code(), absl::StrCat(setting, ": ", path, ": ", status.message()));
}

absl::StatusOr<std::string> Read(const char* setting, const std::string& path) {
  auto bytes = ReadSmallFile(path, kMaxPemBytes);
  if (bytes.ok()) return bytes;
  return absl::Status(bytes.status().code(),
                      absl::StrCat(setting, ": ", bytes.status().message()));
}

}  // namespace

absl::StatusOr<CertificateSet> ReadCertificateSet(const CertificateFiles& files,
                                                  absl::Time now) {
  const auto about_certificate = [&](const absl::Status& status) {
    return About("tls_cert_file", files.certificate, status);
  };
  CertificateSet set;
  ATTUNE_ASSIGN_OR_RETURN(set.certificate,
                          Read("tls_cert_file", files.certificate));
  ATTUNE_ASSIGN_OR_RETURN(set.key, Read("tls_key_file", files.key));
  const auto chain = ParseChain(set.certificate);
  ATTUNE_RETURN_IF_ERROR(about_certificate(chain.status()));
  const auto key = ParseKey(set.key);
  ATTUNE_RETURN_IF_ERROR(About("tls_key_file", files.key, key.status()));
  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    return About("tls_key_file", files.key,
                 absl::InvalidArgumentError("not the key of tls_cert_file"));
  }
  ATTUNE_RETURN_IF_ERROR(about_certificate(CheckChain(*chain, now)));
  ATTUNE_RETURN_IF_ERROR(about_certificate(TryToServe(*chain, key->get())));
  set.expiry = ExpiryOf(*chain);
  if (!files.client_ca.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(set.client_ca,
                            Read("tls_client_ca_file", files.client_ca));
    ATTUNE_RETURN_IF_ERROR(About("tls_client_ca_file", files.client_ca,
                                 CheckCas(set.client_ca, now)));
  }
  return set;
}

}  // namespace attune::server
