// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_ITEM_H_
#define ATTUNE_POLICY_ITEM_H_

// Something that can be recommended, as the caller knows it. Plain values: no
// sanitizing has taken place, every string is untrusted.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace attune::policy {

struct Item {
  // 1 to kMaxIdBytes bytes of valid UTF-8.
  std::string id;
  // 1 to kMaxTitleBytes bytes of valid UTF-8.
  std::string title;
  // At most kMaxGenres, each at most kMaxGenreBytes; most specific first.
  std::vector<std::string> genres = {};
  // Strength of the interaction; finite, >= 0; 0 means unknown.
  float weight = 0.0F;
  // Seconds since the epoch of the interaction; nullopt means unknown.
  std::optional<int64_t> interact_seconds = std::nullopt;
};

inline constexpr int kMaxHistoryItems = 1000;
inline constexpr int kMinCandidates = 2;
// One label a letter: A to Z.
inline constexpr int kMaxCandidates = 26;
inline constexpr int kMaxIdBytes = 256;
inline constexpr int kMaxTitleBytes = 2048;
inline constexpr int kMaxGenres = 16;
inline constexpr int kMaxGenreBytes = 64;

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_ITEM_H_
