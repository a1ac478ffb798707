// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_DECISION_TOKEN_H_
#define ATTUNE_SERVER_DECISION_TOKEN_H_

// The signed proof of a decision that a caller carries back to us, so that the
// server stays stateless: HMAC-SHA-256 over what was decided.
//
// A token is verified before it is parsed, in constant time. The tag also
// covers a fixed context string, so nothing else signed with the key is ever a
// token. Keys rotate: older keys still verify. Users' pseudonyms have a key of
// their own that does not rotate: a user is the same user next year.
// Thread-compatible: const methods may run concurrently.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace attune::server {

inline constexpr int kMinTokenKeyBytes = 32;
inline constexpr int kMaxTokenBytes = 2048;

using DecisionId = std::array<uint8_t, 16>;

// Keyed hash of a user id; zeros mean that there was none.
using UserPseudonym = std::array<uint8_t, 8>;

inline bool IsAnonymous(const UserPseudonym& user) {
  return user == UserPseudonym{};
}

// The bytes of an id or a pseudonym.
template <size_t n>
std::string_view BytesOf(const std::array<uint8_t, n>& array) {
  return {reinterpret_cast<const char*>(array.data()), n};
}

// As callers see it: lower-case hexadecimal digits.
std::string HexOf(const DecisionId& id);

// What a token states.
struct DecisionClaims {
  DecisionId decision_id = {};
  // Whole seconds.
  absl::Time issue_time;
  // TokenSigner::Pseudonym of the caller's user id.
  UserPseudonym user = {};
  // Of the revision that chose in its share of the traffic; empty if the caller
  // chose (mode APPRENTICE) or named the revision, so that what comes of it is
  // nobody's reward in a trial.
  std::string revision_id;
  // First 8 bytes of the digest of the catalog that the options index.
  std::array<uint8_t, 8> catalog = {};
  // One entry per pattern.
  std::vector<int> options;
  std::vector<float> probabilities;
  // As in policy::Choice.
  int history_length = 0;
  // HashCandidates() of the request.
  std::array<uint8_t, 16> candidates = {};
};

// The same for the same set of ids in any order.
std::array<uint8_t, 16> HashCandidates(
    absl::Span<const std::string_view> item_ids);

// A key from the contents of a key file: hexadecimal digits (white space around
// them is ignored) or raw bytes. kInvalidArgument if shorter than 32 bytes.
absl::StatusOr<std::string> ParseTokenKey(std::string_view file);

class TokenSigner {
 public:
  struct Options {
    // Signs and verifies. At least 32 bytes.
    std::string key;
    // Only verify.
    std::vector<std::string> older_keys = {};
    // Of the pseudonyms; empty means `key`.
    std::string user_key = {};
    // How long a token is accepted by Verify().
    absl::Duration ttl = absl::Hours(24);
  };

  // kInvalidArgument if a key is too short or the ttl is not positive.
  static absl::StatusOr<TokenSigner> Create(Options options);

  TokenSigner(TokenSigner&&) noexcept;
  ~TokenSigner();

  std::string Sign(const DecisionClaims& claims) const;

  // kUnauthenticated if the token was not signed with one of our keys;
  // kFailedPrecondition if it has expired.
  absl::StatusOr<DecisionClaims> Verify(std::string_view token,
                                        absl::Time now) const;

  // As Verify, whatever the token's age.
  absl::StatusOr<DecisionClaims> VerifySignature(std::string_view token) const;

  // Zeros for the empty id.
  UserPseudonym Pseudonym(std::string_view user_id) const;

  absl::Duration ttl() const { return ttl_; }

 private:
  class Key;
  explicit TokenSigner(absl::Duration ttl);

  // The current key first.
  std::vector<std::unique_ptr<Key>> keys_;
  std::unique_ptr<Key> user_key_;
  absl::Duration ttl_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_DECISION_TOKEN_H_
