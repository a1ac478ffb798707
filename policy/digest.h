// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_DIGEST_H_
#define ATTUNE_POLICY_DIGEST_H_

// SHA-256.
//
// The functions are pure and safe to call from any thread; Sha256Stream is
// thread-compatible.

#include <openssl/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace attune::policy {

inline constexpr int kSha256Bytes = 32;

// The 32 bytes.
std::string Sha256(std::string_view data);
// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view data);

// Told, unless it is empty, after each piece how many bytes more went into a
// digest; slows the rest down if it takes its time.
using DigestProgress = std::function<void(int64_t bytes)>;

// Of bytes that come in pieces.
class Sha256Stream {
 public:
  Sha256Stream();

  void Add(std::string_view piece);
  // The 32 bytes, of what was added so far.
  std::string Digest() const;
  // 64 lower-case hexadecimal digits.
  std::string HexDigest() const;

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_DIGEST_H_
