// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_phrases.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "policy/random.h"

namespace attune::trainer {
namespace {

constexpr std::string_view kVocabulary[] = {
    "with care",         "at a glance",         "all in all",
    "above all else",    "in good faith",       "without haste",
    "on the whole",      "as a matter of fact", "in plain terms",
    "time and again",    "from the outset",     "by and large",
    "in the long run",   "at every turn",       "for good measure",
    "in broad strokes",  "down to detail",      "with fresh eyes",
    "against the grain", "as of today",         "one by one",
    "in equal parts",    "with an open mind",   "beyond doubt"};

}  // namespace

absl::Span<const std::string_view> SimPhrases::Vocabulary() {
  return kVocabulary;
}

std::vector<int> SimPhrases::Better(std::string_view pattern) const {
  if (pattern == "history") return {};
  policy::Rng rng(seed_, HashText("better phrases|" + std::string(pattern)));
  std::vector<int> phrases(std::size(kVocabulary));
  std::iota(phrases.begin(), phrases.end(), 0);
  for (int i = 0; i < kBetterPhrases; ++i) {
    const auto left = static_cast<uint32_t>(phrases.size() - i);
    std::swap(phrases[i], phrases[i + rng.Below(left)]);
  }
  phrases.resize(kBetterPhrases);
  std::sort(phrases.begin(), phrases.end());
  return phrases;
}

int SimPhrases::Merit(std::string_view pattern,
                      std::string_view sentence) const {
  const std::string words =
      absl::StrCat(" ", absl::StrJoin(WordsOf(sentence), " "), " ");
  int found = 0;
  for (const int i : Better(pattern)) {
    found += words.find(" " + std::string(kVocabulary[i]) + " ") !=
             std::string::npos;
  }
  return std::min(found, kMostThatHelp);
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::string spaced;
  for (const char c : text) {
    spaced += absl::ascii_isalnum(static_cast<unsigned char>(c))
                  ? absl::ascii_tolower(static_cast<unsigned char>(c))
                  : ' ';
  }
  return absl::StrSplit(spaced, ' ', absl::SkipEmpty());
}

uint64_t HashText(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  return policy::Mix64(hash);
}

}  // namespace attune::trainer
