// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_RANKING_H_
#define ATTUNE_POLICY_RANKING_H_

// Candidates in the order they are displayed, and the ranking read from an
// LLM's answer. One permutation object renders and decodes, so the two cannot
// disagree.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/choice.h"
#include "policy/random.h"

namespace attune::policy {

// A bijection between candidates (the caller's order) and displayed positions.
class Permutation {
 public:
  // Of nothing.
  Permutation() = default;
  static Permutation Identity(int size);
  // Uniformly random.
  static Permutation Random(int size, Rng& rng);
  // Uniformly random but for `candidate`, which is displayed at `position`.
  // REQUIRES: both in [0, size).
  static Permutation WithFixed(int size, int candidate, int position, Rng& rng);

  int size() const { return static_cast<int>(candidate_at_.size()); }
  // Candidate that is displayed at `position`.
  int CandidateAt(int position) const { return candidate_at_[position]; }
  // Position at which `candidate` is displayed.
  int PositionOf(int candidate) const { return position_of_[candidate]; }

 private:
  explicit Permutation(std::vector<int> candidate_at);

  std::vector<int> candidate_at_;
  std::vector<int> position_of_;
};

// "A", "B", ... "Z". REQUIRES: 0 <= position < kMaxCandidates.
std::string Label(int position);

// How an answer could be read. An outcome of its own: never silently repaired.
enum class ParseStatus {
  kComplete,  // every candidate exactly once, nothing else that looks like one
  kPartial,   // some candidates missing (appended in displayed order), repeated
              // (first one counts) or unknown (dropped)
  kFailed,    // no candidate recognised: the displayed order stands
};

struct Ranking {
  // All candidates (caller's indices), best first. A permutation of [0, n).
  std::vector<int> candidates;
  ParseStatus status = ParseStatus::kComplete;
};

// Reads a `generate` answer: lines or comma-separated labels first, exact
// titles (sanitized, case-insensitive) second. `displayed_titles` are in
// displayed order.
Ranking ParseGenerated(std::string_view answer,
                       absl::Span<const std::string> displayed_titles,
                       const Permutation& permutation);

// Ranks by score, one per displayed position, larger is better; ties keep the
// displayed order. For `labels` and `likelihood`. kInvalidArgument if the
// number of scores differs from the permutation's size or one is NaN.
absl::StatusOr<Ranking> RankByScore(absl::Span<const float> displayed_scores,
                                    const Permutation& permutation);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_RANKING_H_
