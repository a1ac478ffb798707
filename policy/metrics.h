// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_METRICS_H_
#define ATTUNE_POLICY_METRICS_H_

// Ranking metrics. Pure functions; with one relevant item unless said.
//
// Source: Jarvelin & Kekalainen 2002 for NDCG; with one relevant item of gain 1
// the ideal DCG is 1, so NDCG@k = 1 / log2(rank + 1) for rank <= k, else 0.

#include "absl/types/span.h"

namespace attune::policy {

// 1-based rank of `relevant` in `ranking` (best first); 0 if it is not there.
int RankOf(int relevant, absl::Span<const int> ranking);

// In [0, 1]. `rank` is 1-based; 0 means not ranked and gives 0. REQUIRES: k >= 1.
double NdcgAt(int k, int rank);
double ReciprocalRank(int rank);
double HitRateAt(int k, int rank);

// NDCG@k with several relevant items of gain 1, one rank each (0: not ranked).
// In [0, 1]; 0 if there are none. REQUIRES: k >= 1, no rank but 0 repeated.
double NdcgOfRanks(int k, absl::Span<const int> ranks);

// Expected NDCG@k of a uniformly random ranking of `n` candidates. 0.4544 for
// n = k = 10.
double RandomNdcgAt(int k, int n);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_METRICS_H_
