// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_rewriter.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "trainer/sim_phrases.h"

namespace attune::trainer {
namespace {

constexpr std::string_view kEnds = ".!?:";
// Attempts a rewrite wanted, before giving up on finding new ones.
constexpr int kAttempts = 20;
constexpr double kSecondPhrase = 0.3;
constexpr double kReplace = 0.5;

std::string_view RandomPhrase(policy::Rng& rng) {
  const auto vocabulary = SimPhrases::Vocabulary();
  return vocabulary[rng.Below(static_cast<uint32_t>(vocabulary.size()))];
}

// Before the sentence's last punctuation mark, after a comma; a sentence of its
// own if there is none.
std::string WithPhrase(const std::string& sentence, std::string_view phrase) {
  if (sentence.empty()) {
    std::string own(phrase);
    own[0] = absl::ascii_toupper(static_cast<unsigned char>(own[0]));
    return own + ".";
  }
  const bool ended = kEnds.find(sentence.back()) != std::string_view::npos;
  const size_t end = sentence.size() - (ended ? 1 : 0);
  return sentence.substr(0, end) + ", " + std::string(phrase) +
         sentence.substr(end);
}

// The first phrase of the vocabulary that the sentence holds, replaced; without
// one the sentence as it is.
std::string Replaced(std::string sentence, std::string_view phrase) {
  for (const std::string_view old : SimPhrases::Vocabulary()) {
    const size_t at = sentence.find(old);
    if (at != std::string::npos)
      return sentence.replace(at, old.size(), phrase);
  }
  return sentence;
}

std::string Rewrite(const std::string& sentence, policy::Rng& rng) {
  const std::string_view phrase = RandomPhrase(rng);
  if (rng.UnitDouble() < kReplace) {
    std::string replaced = Replaced(sentence, phrase);
    if (replaced != sentence) return replaced;
  }
  std::string longer = WithPhrase(sentence, phrase);
  if (rng.UnitDouble() >= kSecondPhrase) return longer;
  return WithPhrase(longer, RandomPhrase(rng));
}

}  // namespace

std::vector<std::string> SimRewrites(std::string_view sentence, int count,
                                     policy::Rng& rng) {
  const std::string parent(sentence);
  std::vector<std::string> rewrites;
  for (int i = 0;
       i < count * kAttempts && static_cast<int>(rewrites.size()) < count;
       ++i) {
    std::string rewrite = Rewrite(parent, rng);
    if (rewrite == parent || std::find(rewrites.begin(), rewrites.end(),
                                       rewrite) != rewrites.end()) {
      continue;
    }
    rewrites.push_back(std::move(rewrite));
  }
  return rewrites;
}

}  // namespace attune::trainer
