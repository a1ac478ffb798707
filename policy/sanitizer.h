// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_SANITIZER_H_
#define ATTUNE_POLICY_SANITIZER_H_

// Turns a stranger's string into something that may stand inside a prompt.
//
// Pure functions; safe to call from any thread.

#include <string>
#include <string_view>

namespace attune::policy {

// Longest sanitized title, in Unicode code points.
inline constexpr int kMaxTitleCodePoints = 200;

// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool IsValidUtf8(std::string_view text);

// Returns `text` with everything removed that could change the meaning of the
// text around it: invalid bytes become U+FFFD; C0 and C1 controls, line breaks,
// U+2028/9, bidi controls, tag characters, variation selectors and zero-width
// characters are dropped or become a space; chat markers (`<|`, `[INST]`, `###`,
// triple back-ticks, `</`) are broken up; white space is collapsed and trimmed;
// at most `max_code_points` are kept. Idempotent. Never longer in code points
// than `text` was.
std::string Sanitize(std::string_view text,
                     int max_code_points = kMaxTitleCodePoints);

// Sanitizes a title and writes it the way people do: "Usual Suspects, The (1995)"
// becomes "The Usual Suspects (1995)". Knows English, French, Italian, Spanish and
// German articles. Idempotent. "?" if nothing is left.
std::string SanitizeTitle(std::string_view title);

// Appends what SanitizeTitle returns.
void AppendSanitizedTitle(std::string_view title, std::string& out);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_SANITIZER_H_
