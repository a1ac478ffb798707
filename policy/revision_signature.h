// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_REVISION_SIGNATURE_H_
#define ATTUNE_POLICY_REVISION_SIGNATURE_H_

// Detached Ed25519 signatures of revisions (docs/revision_format.md): what is
// signed, and whether a signature is good. signing_key.h makes them.
//
// Pure functions and immutable values; safe to use from any thread.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "attune/v1/revision_signature.pb.h"

namespace attune::policy {

inline constexpr int kEd25519KeyBytes = 32;
inline constexpr int kEd25519SignatureBytes = 64;
// What a signature's file is called: the artifact's name and this.
inline constexpr char kSignatureExtension[] = ".sig";
// Such files are smaller.
inline constexpr int64_t kMaxSignatureFileBytes = 4096;

// The bytes that are signed; those of the signature's other fields. One text for
// each digest, policy and number, and no other message of ours begins like it.
std::string SignedBytes(const v1::RevisionSignature& signature);

// Whether the fields are in their ranges, so that SignedBytes() is unambiguous:
// kInvalidArgument names the one that is not.
absl::Status ValidateSignature(const v1::RevisionSignature& signature);

// The content of a .sig file. kInvalidArgument if it is none.
absl::StatusOr<v1::RevisionSignature> ParseSignature(std::string_view bytes);

// The key_id of a public key of 32 bytes.
std::string KeyIdOf(std::string_view public_key);

// The public keys whose signatures are good.
class TrustedKeys {
 public:
  enum class Verdict { kGood, kNotTrusted, kInvalid };

  // From one or more PEM public keys, with any text between them.
  // kInvalidArgument if there is none, one is not an Ed25519 key, or there is
  // something else among them, such as a private key.
  static absl::StatusOr<TrustedKeys> FromPem(std::string_view pem);

  // kNotTrusted if no key has the signature's key_id.
  Verdict Verify(const v1::RevisionSignature& signature) const;

  size_t size() const { return keys_.size(); }

 private:
  // Raw public keys by key_id.
  std::map<std::string, std::string> keys_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_REVISION_SIGNATURE_H_
