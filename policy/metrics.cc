// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/metrics.h"

#include <algorithm>
#include <cmath>

namespace attune::policy {

int RankOf(int relevant, absl::Span<const int> ranking) {
  const auto it = std::find(ranking.begin(), ranking.end(), relevant);
  return it == ranking.end() ? 0 : static_cast<int>(it - ranking.begin()) + 1;
}

double NdcgAt(int k, int rank) {
  return HitRateAt(k, rank) == 0.0 ? 0.0 : 1.0 / std::log2(rank + 1.0);
}

double NdcgOfRanks(int k, absl::Span<const int> ranks) {
  double gained = 0.0;
  double ideal = 0.0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    gained += NdcgAt(k, ranks[i]);
    ideal += NdcgAt(k, static_cast<int>(i) + 1);
  }
  return ideal == 0.0 ? 0.0 : std::min(1.0, gained / ideal);
}

double ReciprocalRank(int rank) { return rank < 1 ? 0.0 : 1.0 / rank; }

double HitRateAt(int k, int rank) { return rank >= 1 && rank <= k ? 1.0 : 0.0; }

double RandomNdcgAt(int k, int n) {
  double sum = 0.0;
  for (int rank = 1; rank <= std::min(k, n); ++rank) sum += NdcgAt(k, rank);
  return sum / n;
}

}  // namespace attune::policy
