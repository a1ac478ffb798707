// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/text_features.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "policy/random.h"

namespace attune::policy {
namespace {

constexpr int kMaxTitleCharacters = 200;
constexpr int kMaxSentenceCharacters = 4096;
constexpr int kMinNgram = 3;
constexpr int kMaxNgram = 5;
// A word says more than a piece of one.
constexpr float kWordWeight = 4.0F;
// Keep words, word pairs and character n-grams of the same letters apart.
constexpr uint64_t kCharacterSalt = 1;
constexpr uint64_t kWordSalt = 2;

uint64_t Fnv1a(std::string_view bytes) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3ULL;
  }
  return hash;
}

uint64_t Hash(std::string_view bytes, uint64_t salt) {
  return Mix64(Fnv1a(bytes) ^ Mix64(salt));
}

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Lower-cased text between two spaces, and where its characters begin and end.
struct Characters {
  Characters(std::string_view source, int max_characters) : text(" ") {
    text.reserve(source.size() + 2);
    starts.push_back(0);
    int characters = 0;
    for (const char c : source) {
      if (!IsContinuation(c)) {
        if (characters == max_characters) break;
        ++characters;
        starts.push_back(text.size());
      }
      text.push_back(absl::ascii_tolower(c));
    }
    starts.push_back(text.size());
    text.push_back(' ');
    starts.push_back(text.size());
  }

  std::string text;
  std::vector<size_t> starts;
};

template <typename Visitor>
void ForEachNgram(const Characters& characters, Visitor visit) {
  const std::string_view text = characters.text;
  const std::vector<size_t>& starts = characters.starts;
  for (size_t n = kMinNgram; n <= kMaxNgram; ++n) {
    for (size_t i = 0; i + n < starts.size(); ++i) {
      visit(text.substr(starts[i], starts[i + n] - starts[i]));
    }
  }
}

bool IsWordByte(char c) {
  return absl::ascii_isalnum(c) || (static_cast<unsigned char>(c) & 0x80) != 0;
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && IsWordByte(text[i])) continue;
    if (i > begin) words.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return words;
}

// Adds +-weight to every entry; whole numbers, so the sum has no rounding.
void AddSigns(uint64_t hash, float weight, Eigen::VectorXf& sum) {
  Rng rng(hash);
  uint64_t bits = 0;
  for (Eigen::Index i = 0; i < sum.size(); ++i) {
    if (i % 64 == 0) bits = rng();
    sum[i] += (bits & 1) != 0 ? weight : -weight;
    bits >>= 1;
  }
}

}  // namespace

std::vector<int> TitleNgrams(std::string_view title, int buckets) {
  std::vector<int> result;
  if (title.empty()) return result;
  const Characters characters(title, kMaxTitleCharacters);
  result.reserve(characters.starts.size() * (kMaxNgram - kMinNgram + 1));
  const uint64_t mask = static_cast<uint64_t>(buckets) - 1;
  ForEachNgram(characters, [&](std::string_view ngram) {
    result.push_back(static_cast<int>(Hash(ngram, kCharacterSalt) & mask));
  });
  return result;
}

Eigen::VectorXf SentenceEmbedding(std::string_view sentence, int dim) {
  Eigen::VectorXf sum = Eigen::VectorXf::Zero(dim);
  const Characters characters(sentence, kMaxSentenceCharacters);
  const std::vector<std::string_view> words = Words(characters.text);
  if (words.empty()) return sum;
  for (size_t i = 0; i < words.size(); ++i) {
    AddSigns(Hash(words[i], kWordSalt), kWordWeight, sum);
    if (i == 0) continue;
    const std::string pair =
        std::string(words[i - 1]) + " " + std::string(words[i]);
    AddSigns(Hash(pair, kWordSalt), kWordWeight, sum);
  }
  ForEachNgram(characters, [&](std::string_view ngram) {
    AddSigns(Hash(ngram, kCharacterSalt), 1.0F, sum);
  });
  // In doubles the squares of whole numbers add up exactly, in any order.
  const double norm = sum.cast<double>().norm();
  if (norm > 0.0) sum /= static_cast<float>(norm);
  return sum;
}

}  // namespace attune::policy
