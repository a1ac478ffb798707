// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_DIGEST_H_
#define ATTUNE_POLICY_DIGEST_H_

// SHA-256.
//
// Pure functions; safe to call from any thread.

#include <string>
#include <string_view>

namespace attune::policy {

inline constexpr int kSha256Bytes = 32;

// The 32 bytes.
std::string Sha256(std::string_view data);
// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view data);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_DIGEST_H_
