// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/server/test_ca.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace attune::server {
namespace {

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

// A test's own mistake; there is nobody to tell but the reader of its output.
void Require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "test_ca: %s\n", what);
  std::abort();
}

Key MakeKey(unsigned rsa_bits) {
  return {rsa_bits > 0 ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256"),
          EVP_PKEY_free};
}

template <typename Write>
std::string ToPem(const Write& write) {
  const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
  Require(write(bio.get()) == 1, "cannot write PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string ToPem(X509* certificate) {
  return ToPem([=](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

std::string ToPem(EVP_PKEY* key) {
  return ToPem([=](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr,
                                    nullptr);
  });
}

void AddExtension(X509* certificate, X509* issuer, int nid,
                  const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  Require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, or by itself if that is null.
Certificate MakeCertificate(const CertificateRequest& request, EVP_PKEY* key,
                            X509* issuer, EVP_PKEY* issuer_key, bool is_ca) {
  static std::atomic<long> serial = 1;
  Certificate certificate(X509_new(), X509_free);
  X509* const x509 = certificate.get();
  if (issuer == nullptr) issuer = x509;
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(x509), absl::ToTimeT(request.begin));
  ASN1_TIME_set(X509_getm_notAfter(x509), absl::ToTimeT(request.end));
  X509_NAME_add_entry_by_txt(
      X509_get_subject_name(x509), "CN", MBSTRING_ASC,
      reinterpret_cast<const unsigned char*>(request.common_name.c_str()), -1,
      -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(issuer));
  X509_set_pubkey(x509, key);
  AddExtension(x509, issuer, NID_basic_constraints,
               is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  AddExtension(x509, issuer, NID_subject_alt_name, request.names);
  AddExtension(x509, issuer, NID_ext_key_usage, request.usage);
  Require(X509_sign(x509, issuer_key, EVP_sha256()) > 0, "cannot sign");
  return certificate;
}

}  // namespace

TestCa::TestCa(const std::string& common_name)
    : key_(MakeKey(0)),
      certificate_(MakeCertificate({.common_name = common_name}, key_.get(),
                                   nullptr, key_.get(), true)),
      pem_(ToPem(certificate_.get())) {}

TestCertificate TestCa::Issue(const CertificateRequest& request) const {
  const Key key = MakeKey(request.rsa_bits);
  return {ToPem(MakeCertificate(request, key.get(), certificate_.get(),
                                key_.get(), false)
                    .get()),
          ToPem(key.get())};
}

TestCertificate TestCa::IssueBelow(const CertificateRequest& request) const {
  const Key middle_key = MakeKey(0);
  const Certificate middle =
      MakeCertificate({.common_name = "no CA"}, middle_key.get(),
                      certificate_.get(), key_.get(), false);
  const Key key = MakeKey(0);
  const Certificate leaf = MakeCertificate(request, key.get(), middle.get(),
                                           middle_key.get(), false);
  return {ToPem(leaf.get()) + ToPem(middle.get()), ToPem(key.get())};
}

TestCertificate SelfSigned(const CertificateRequest& request) {
  const Key key = MakeKey(request.rsa_bits);
  return {
      ToPem(
          MakeCertificate(request, key.get(), nullptr, key.get(), false).get()),
      ToPem(key.get())};
}

}  // namespace attune::server
