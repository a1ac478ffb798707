// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_SIGNING_KEY_H_
#define ATTUNE_POLICY_SIGNING_KEY_H_

// The private half of revision_signature.h: an Ed25519 key that signs revisions.
// It belongs where neither the trainer nor the server runs.
//
// Generate() or FromPem() once, then Sign(). Move-only; the key's memory is
// wiped when it goes. Thread-compatible.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "attune/v1/revision_signature.pb.h"

// OpenSSL's EVP_PKEY.
struct evp_pkey_st;

namespace attune::policy {

class SigningKey {
 public:
  // A new key from the system's randomness.
  static absl::StatusOr<SigningKey> Generate();
  // From a PEM private key (PKCS #8), as PrivatePem() and `openssl genpkey
  // -algorithm ed25519` write it. kInvalidArgument if it is none, or encrypted.
  static absl::StatusOr<SigningKey> FromPem(std::string_view pem);

  // Signs that the artifact with this digest is the policy's revision of this
  // number. kInvalidArgument if one is out of its range.
  absl::StatusOr<v1::RevisionSignature> Sign(std::string_view digest,
                                             std::string_view policy,
                                             int64_t number) const;

  const std::string& key_id() const { return key_id_; }
  // PEM of the private key: a secret.
  std::string PrivatePem() const;
  // PEM of the public key: what a server's trusted keys are made of.
  std::string PublicPem() const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit SigningKey(evp_pkey_st* key);

  std::unique_ptr<evp_pkey_st, Free> key_;
  std::string key_id_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_SIGNING_KEY_H_
