// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/decision_token.h"

// OpenSSL 3 calls the plain SHA-256 functions deprecated; its new ones look the
// digest up under a lock and allocate, at every message.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "policy/status_macros.h"
#include "server/error_reason.h"

namespace attune::server {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kTagBytes = 32;
constexpr size_t kUsualTokenBytes = 192;
constexpr std::string_view kTokenContext = "attune.decision.v1";
constexpr std::string_view kUserContext = "attune.user.v1";
constexpr std::string_view kKeyIdContext = "attune.key.v1";

// Appends plain values, little-endian as on every machine that we support.
class Writer {
 public:
  explicit Writer(size_t capacity) { bytes_.reserve(capacity); }
  template <typename T>
  void Put(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void PutString(std::string_view text) {
    Put(static_cast<uint8_t>(text.size()));
    bytes_.append(text);
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <typename T>
  T Get() {
    T value{};
    if (bytes_.size() < sizeof(value)) {
      good_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof(value));
    bytes_.remove_prefix(sizeof(value));
    return value;
  }
  std::string GetString() {
    const size_t size = Get<uint8_t>();
    good_ = good_ && bytes_.size() >= size;
    if (!good_) return "";
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  bool AtGoodEnd() const { return good_ && bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

std::string Encode(const DecisionClaims& claims, uint8_t key_id) {
  Writer writer(kUsualTokenBytes);
  writer.Put(kVersion);
  writer.Put(key_id);
  writer.Put(absl::ToUnixSeconds(claims.issue_time));
  writer.Put(claims.decision_id);
  writer.Put(claims.user);
  writer.PutString(claims.revision_id);
  writer.Put(claims.catalog);
  writer.Put(static_cast<uint16_t>(claims.history_length));
  writer.Put(claims.candidates);
  writer.Put(static_cast<uint8_t>(claims.options.size()));
  for (size_t i = 0; i < claims.options.size(); ++i) {
    writer.Put(static_cast<uint8_t>(claims.options[i]));
    writer.Put(claims.probabilities[i]);
  }
  return writer.Take();
}

// False if the bytes are not those of Encode. The key id was read before.
bool Decode(std::string_view payload, DecisionClaims* claims) {
  Reader reader(payload);
  if (reader.Get<uint8_t>() != kVersion) return false;
  reader.Get<uint8_t>();
  claims->issue_time = absl::FromUnixSeconds(reader.Get<int64_t>());
  claims->decision_id = reader.Get<DecisionId>();
  claims->user = reader.Get<UserPseudonym>();
  claims->revision_id = reader.GetString();
  claims->catalog = reader.Get<std::array<uint8_t, 8>>();
  claims->history_length = reader.Get<uint16_t>();
  claims->candidates = reader.Get<std::array<uint8_t, 16>>();
  const int patterns = reader.Get<uint8_t>();
  for (int i = 0; i < patterns; ++i) {
    claims->options.push_back(reader.Get<uint8_t>());
    claims->probabilities.push_back(reader.Get<float>());
  }
  return reader.AtGoodEnd();
}

absl::Status Forged() {
  return WithReason(
      absl::UnauthenticatedError("decision_token: not issued by this service"),
      "TOKEN_NOT_OURS");
}

}  // namespace

// HMAC-SHA-256 (RFC 2104): what the key does to the two hashes is computed once
// and copied for every message.
class TokenSigner::Key {
 public:
  explicit Key(std::string_view key) {
    std::array<uint8_t, SHA256_CBLOCK> block = {};
    if (key.size() > block.size()) {
      SHA256_CTX context;
      SHA256_Init(&context);
      SHA256_Update(&context, key.data(), key.size());
      SHA256_Final(block.data(), &context);
    } else {
      std::memcpy(block.data(), key.data(), key.size());
    }
    Start(block, 0x36, &inner_);
    Start(block, 0x5C, &outer_);
    OPENSSL_cleanse(block.data(), block.size());
    id_ = Mac(kKeyIdContext, "")[0];
  }
  ~Key() {
    OPENSSL_cleanse(&inner_, sizeof(inner_));
    OPENSSL_cleanse(&outer_, sizeof(outer_));
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  std::array<uint8_t, kTagBytes> Mac(std::string_view context,
                                     std::string_view message) const {
    std::array<uint8_t, kTagBytes> tag = {};
    SHA256_CTX hash = inner_;
    SHA256_Update(&hash, context.data(), context.size());
    SHA256_Update(&hash, message.data(), message.size());
    SHA256_Final(tag.data(), &hash);
    hash = outer_;
    SHA256_Update(&hash, tag.data(), tag.size());
    SHA256_Final(tag.data(), &hash);
    return tag;
  }
  uint8_t id() const { return id_; }

 private:
  static void Start(std::array<uint8_t, SHA256_CBLOCK> block, uint8_t pad,
                    SHA256_CTX* context) {
    for (uint8_t& byte : block) byte ^= pad;
    SHA256_Init(context);
    SHA256_Update(context, block.data(), block.size());
    OPENSSL_cleanse(block.data(), block.size());
  }

  SHA256_CTX inner_;
  SHA256_CTX outer_;
  uint8_t id_;
};

std::string HexOf(const DecisionId& id) {
  const std::string_view bytes = BytesOf(id);
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

std::array<uint8_t, 16> HashCandidates(
    absl::Span<const std::string_view> item_ids) {
  absl::InlinedVector<std::string_view, 32> sorted(item_ids.begin(),
                                                   item_ids.end());
  std::sort(sorted.begin(), sorted.end());
  SHA256_CTX context;
  SHA256_Init(&context);
  for (const std::string_view id : sorted) {
    const uint32_t size = static_cast<uint32_t>(id.size());
    SHA256_Update(&context, &size, sizeof(size));
    SHA256_Update(&context, id.data(), id.size());
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &context);
  std::array<uint8_t, 16> hash;
  std::memcpy(hash.data(), digest, hash.size());
  return hash;
}

absl::StatusOr<std::string> ParseTokenKey(std::string_view file) {
  const std::string text(
      absl::StripAsciiWhitespace(absl::string_view(file.data(), file.size())));
  const bool hexadecimal =
      text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      });
  std::string key =
      hexadecimal ? absl::HexStringToBytes(text) : std::string(file);
  if (key.size() < kMinTokenKeyBytes) {
    return absl::InvalidArgumentError(
        "the token key must have at least 32 bytes or 64 hexadecimal digits");
  }
  return key;
}

TokenSigner::TokenSigner(absl::Duration ttl) : ttl_(ttl) {}
TokenSigner::TokenSigner(TokenSigner&&) noexcept = default;
TokenSigner::~TokenSigner() = default;

absl::StatusOr<TokenSigner> TokenSigner::Create(Options options) {
  if (options.ttl <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("token_ttl: must be positive");
  }
  if (options.user_key.empty()) options.user_key = options.key;
  std::vector<std::string> keys = std::move(options.older_keys);
  keys.insert(keys.begin(), std::move(options.key));
  TokenSigner signer(options.ttl);
  for (const std::string& key : keys) {
    if (std::min(key.size(), options.user_key.size()) < kMinTokenKeyBytes) {
      return absl::InvalidArgumentError(
          "the token key must have at least 32 bytes");
    }
    signer.keys_.push_back(std::make_unique<Key>(key));
  }
  signer.user_key_ = std::make_unique<Key>(options.user_key);
  return signer;
}

std::string TokenSigner::Sign(const DecisionClaims& claims) const {
  const Key& key = *keys_.front();
  std::string token = Encode(claims, key.id());
  const auto tag = key.Mac(kTokenContext, token);
  token.append(reinterpret_cast<const char*>(tag.data()), tag.size());
  return token;
}

absl::StatusOr<DecisionClaims> TokenSigner::Verify(std::string_view token,
                                                   absl::Time now) const {
  ATTUNE_ASSIGN_OR_RETURN(DecisionClaims claims, VerifySignature(token));
  if (now >= claims.issue_time + ttl_) {
    return WithReason(absl::FailedPreconditionError("decision_token: expired"),
                      "TOKEN_EXPIRED");
  }
  return claims;
}

absl::StatusOr<DecisionClaims> TokenSigner::VerifySignature(
    std::string_view token) const {
  if (token.size() < kTagBytes + 2 || token.size() > kMaxTokenBytes) {
    return Forged();
  }
  const std::string_view payload = token.substr(0, token.size() - kTagBytes);
  const char* const tag = token.data() + payload.size();
  bool ours = false;
  for (const auto& key : keys_) {
    if (static_cast<uint8_t>(payload[1]) != key->id()) continue;
    const auto expected = key->Mac(kTokenContext, payload);
    ours = CRYPTO_memcmp(expected.data(), tag, kTagBytes) == 0 || ours;
  }
  DecisionClaims claims;
  if (!ours || !Decode(payload, &claims)) return Forged();
  return claims;
}

UserPseudonym TokenSigner::Pseudonym(std::string_view user_id) const {
  UserPseudonym pseudonym = {};
  if (user_id.empty()) return pseudonym;
  const auto mac = user_key_->Mac(kUserContext, user_id);
  std::memcpy(pseudonym.data(), mac.data(), pseudonym.size());
  return pseudonym;
}

}  // namespace attune::server
