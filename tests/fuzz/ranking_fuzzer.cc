// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// An LLM's answer, or its scores, to a ranking. Input: number of candidates,
// seed of the displayed order, titles by line, an empty line, the answer.
// Whatever the answer, the ranking holds every candidate once; a complete one
// says so again when it is written as labels.

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "policy/ranking.h"
#include "tests/fuzz/fuzz.h"

namespace attune::fuzz {
namespace {

using policy::ParseStatus;
using policy::Permutation;
using policy::Ranking;

void RequirePermutation(const Ranking& ranking, int size) {
  std::vector<int> sorted = ranking.candidates;
  std::sort(sorted.begin(), sorted.end());
  Require(static_cast<int>(sorted.size()) == size, "as many as candidates");
  for (int i = 0; i < size; ++i) Require(sorted[i] == i, "each once");
}

std::vector<std::string> TakeTitles(std::string_view& text, int count) {
  std::vector<std::string> titles;
  for (int i = 0; i < count; ++i) {
    const size_t end = std::min(text.find('\n'), text.size());
    titles.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return titles;
}

void RankScores(std::string_view bytes, const Permutation& permutation) {
  std::vector<float> scores(permutation.size(), 0.0F);
  std::memcpy(scores.data(), bytes.data(),
              std::min(bytes.size(), scores.size() * sizeof(float)));
  const auto ranking = policy::RankByScore(scores, permutation);
  if (ranking.ok()) RequirePermutation(*ranking, permutation.size());
}

}  // namespace
}  // namespace attune::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace attune::fuzz;  // NOLINT: the entry point has no namespace
  if (size < 2) return 0;
  const int count = 2 + data[0] % 25;
  attune::policy::Rng rng(data[1]);
  const Permutation permutation = Permutation::Random(count, rng);
  std::string_view text = View(data + 2, size - 2);
  RankScores(text, permutation);
  const std::vector<std::string> titles = TakeTitles(text, count);
  const Ranking ranking =
      attune::policy::ParseGenerated(text, titles, permutation);
  RequirePermutation(ranking, count);
  std::string labels;
  for (const int candidate : ranking.candidates) {
    labels += attune::policy::Label(permutation.PositionOf(candidate)) + "\n";
  }
  const Ranking again =
      attune::policy::ParseGenerated(labels, titles, permutation);
  Require(again.status == ParseStatus::kComplete &&
              again.candidates == ranking.candidates,
          "labels say the same ranking");
  return 0;
}
