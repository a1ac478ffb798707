// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/revision_signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/names.h"
#include "policy/status_macros.h"

namespace attune::policy {
namespace {

constexpr int kKeyIdDigits = 16;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// A block between BEGIN and END lines.
struct PemBlock {
  std::string type;
  std::string der;
};

enum class PemEnd { kBlock, kEndOfText, kGarbage };

// Reads the next block.
PemEnd ReadBlock(BIO* bio, PemBlock* block) {
  char* type = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio, &type, &header, &data, &size) != 1) {
    const bool at_end =
        ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return at_end ? PemEnd::kEndOfText : PemEnd::kGarbage;
  }
  block->type = type;
  block->der.assign(reinterpret_cast<char*>(data), static_cast<size_t>(size));
  OPENSSL_free(type);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return PemEnd::kBlock;
}

// The raw key of a SubjectPublicKeyInfo.
absl::StatusOr<std::string> RawPublicKey(std::string_view der) {
  const unsigned char* begin = Bytes(der);
  const Key key(d2i_PUBKEY(nullptr, &begin, static_cast<long>(der.size())),
                &EVP_PKEY_free);
  std::string raw(kEd25519KeyBytes, '\0');
  size_t size = raw.size();
  const bool good =
      key != nullptr && EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519 &&
      EVP_PKEY_get_raw_public_key(
          key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) == 1;
  ERR_clear_error();
  if (!good) {
    return absl::InvalidArgumentError("trusted keys: one is not Ed25519");
  }
  return raw;
}

bool VerifyEd25519(std::string_view public_key, std::string_view message,
                   std::string_view signature) {
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(public_key),
                                  public_key.size()),
      &EVP_PKEY_free);
  const Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  const bool good =
      key != nullptr && context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr,
                           key.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(),
                       Bytes(message), message.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace

std::string SignedBytes(const v1::RevisionSignature& signature) {
  return absl::StrCat("attune revision signature 1\ndigest ",
                      signature.digest(), "\npolicy ", signature.policy(),
                      "\nnumber ", signature.number(), "\n");
}

absl::Status ValidateSignature(const v1::RevisionSignature& signature) {
  if (!IsLowerHex(signature.key_id(), kKeyIdDigits)) {
    return absl::InvalidArgumentError(
        "signature.key_id: must be 16 lower-case hexadecimal digits");
  }
  if (!IsSha256Hex(signature.digest())) {
    return absl::InvalidArgumentError(
        "signature.digest: must be 64 lower-case hexadecimal digits");
  }
  if (!IsName(signature.policy())) {
    return absl::InvalidArgumentError(
        absl::StrCat("signature.policy: must match ", kNamePattern));
  }
  if (signature.number() < 1) {
    return absl::InvalidArgumentError("signature.number: must be at least 1");
  }
  if (signature.signature().size() != kEd25519SignatureBytes) {
    return absl::InvalidArgumentError(
        "signature.signature: must have 64 bytes");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::RevisionSignature> ParseSignature(std::string_view bytes) {
  v1::RevisionSignature signature;
  if (bytes.size() > kMaxSignatureFileBytes ||
      !signature.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("signature: not a RevisionSignature");
  }
  ATTUNE_RETURN_IF_ERROR(ValidateSignature(signature));
  return signature;
}

std::string KeyIdOf(std::string_view public_key) {
  return Sha256Hex(public_key).substr(0, kKeyIdDigits);
}

absl::StatusOr<TrustedKeys> TrustedKeys::FromPem(std::string_view pem) {
  TrustedKeys trusted;
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                &BIO_free);
  PemBlock block;
  PemEnd read = ReadBlock(bio.get(), &block);
  for (; read == PemEnd::kBlock; read = ReadBlock(bio.get(), &block)) {
    if (block.type != PEM_STRING_PUBLIC) {
      return absl::InvalidArgumentError(absl::StrCat(
          "trusted keys: only public keys belong there, no ", block.type));
    }
    ATTUNE_ASSIGN_OR_RETURN(std::string raw, RawPublicKey(block.der));
    std::string key_id = KeyIdOf(raw);
    trusted.keys_[std::move(key_id)] = std::move(raw);
  }
  if (read == PemEnd::kGarbage || trusted.keys_.empty()) {
    return absl::InvalidArgumentError(
        "trusted keys: must be one or more PEM public keys");
  }
  return trusted;
}

TrustedKeys::Verdict TrustedKeys::Verify(
    const v1::RevisionSignature& signature) const {
  if (!ValidateSignature(signature).ok()) return Verdict::kInvalid;
  const auto key = keys_.find(signature.key_id());
  if (key == keys_.end()) return Verdict::kNotTrusted;
  return VerifyEd25519(key->second, SignedBytes(signature),
                       signature.signature())
             ? Verdict::kGood
             : Verdict::kInvalid;
}

}  // namespace attune::policy
