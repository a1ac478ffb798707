// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_PHRASES_H_
#define ATTUNE_TRAINER_SIM_PHRASES_H_

// Hidden better sentences: a small vocabulary of phrases, of which a few, drawn
// by the world's seed for each pattern, make every sentence of that pattern
// better that contains them. Nothing tells which.
//
// Thread-compatible: const methods may run concurrently.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace attune::trainer {

class SimPhrases {
 public:
  static constexpr int kBetterPhrases = 4;
  // Phrases beyond these do not help any more.
  static constexpr int kMostThatHelp = 2;

  explicit SimPhrases(uint64_t seed) : seed_(seed) {}

  // Lower-case words; what a rewriter may try.
  static absl::Span<const std::string_view> Vocabulary();
  // Indices of the phrases that help, ascending. History has none.
  std::vector<int> Better(std::string_view pattern) const;
  // Number of better phrases in the sentence, at most kMostThatHelp.
  int Merit(std::string_view pattern, std::string_view sentence) const;

 private:
  uint64_t seed_;
};

// Lower-case runs of letters and digits.
std::vector<std::string> WordsOf(std::string_view text);

// FNV-1a (Fowler, Noll & Vo), mixed: the same with every library.
uint64_t HashText(std::string_view text);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_PHRASES_H_
