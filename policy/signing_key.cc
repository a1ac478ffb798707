// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/signing_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <utility>

#include "absl/status/status.h"
#include "policy/revision_signature.h"
#include "policy/status_macros.h"

namespace attune::policy {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

// Never asks a terminal for a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }

unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

std::string KeyIdOf(const EVP_PKEY& key) {
  std::string raw(kEd25519KeyBytes, '\0');
  size_t size = raw.size();
  EVP_PKEY_get_raw_public_key(&key, Bytes(raw), &size);
  return policy::KeyIdOf(raw);
}

template <typename Write>
std::string ToPem(Write write) {
  // Its memory is wiped when it is freed.
  const Bio bio(BIO_new(BIO_s_secmem()), &BIO_free);
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

}  // namespace

void SigningKey::Free::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

SigningKey::SigningKey(evp_pkey_st* key) : key_(key), key_id_(KeyIdOf(*key)) {}

absl::StatusOr<SigningKey> SigningKey::Generate() {
  EVP_PKEY* const key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL makes no Ed25519 key");
  }
  return SigningKey(key);
}

absl::StatusOr<SigningKey> SigningKey::FromPem(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                &BIO_free);
  std::unique_ptr<EVP_PKEY, Free> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  if (key == nullptr || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return absl::InvalidArgumentError(
        "signing key: must be a PEM private key, Ed25519 and not encrypted");
  }
  return SigningKey(key.release());
}

absl::StatusOr<v1::RevisionSignature> SigningKey::Sign(std::string_view digest,
                                                       std::string_view policy,
                                                       int64_t number) const {
  v1::RevisionSignature signature;
  signature.set_key_id(key_id_);
  signature.set_digest(std::string(digest));
  signature.set_policy(std::string(policy));
  signature.set_number(number);
  std::string bytes(kEd25519SignatureBytes, '\0');
  signature.set_signature(bytes);
  ATTUNE_RETURN_IF_ERROR(ValidateSignature(signature));
  const std::string message = SignedBytes(signature);
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  size_t size = bytes.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr,
                         key_.get()) != 1 ||
      EVP_DigestSign(context.get(), Bytes(bytes), &size,
                     reinterpret_cast<const unsigned char*>(message.data()),
                     message.size()) != 1) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL does not sign");
  }
  signature.set_signature(std::move(bytes));
  return signature;
}

std::string SigningKey::PrivatePem() const {
  return ToPem([this](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr,
                             nullptr);
  });
}

std::string SigningKey::PublicPem() const {
  return ToPem([this](BIO* bio) { PEM_write_bio_PUBKEY(bio, key_.get()); });
}

}  // namespace attune::policy
