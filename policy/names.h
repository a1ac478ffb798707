// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_NAMES_H_
#define ATTUNE_POLICY_NAMES_H_

// What the names of policies and revisions look like. No such name is a path: it
// has no slash, no dot and no NUL, and is not empty.
//
// Pure functions; safe to call from any thread.

#include <string_view>

namespace attune::policy {

// A policy's or revision's name, as a message says it.
inline constexpr char kNamePattern[] = "^[a-z0-9][a-z0-9_-]{0,62}$";

// Whether kNamePattern matches.
bool IsName(std::string_view text);

// Whether it is `digits` lower-case hexadecimal digits.
bool IsLowerHex(std::string_view text, size_t digits);

// Whether it is a SHA-256 in lower-case hexadecimal digits.
inline bool IsSha256Hex(std::string_view text) { return IsLowerHex(text, 64); }

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_NAMES_H_
