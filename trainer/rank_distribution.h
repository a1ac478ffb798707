// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_RANK_DISTRIBUTION_H_
#define ATTUNE_TRAINER_RANK_DISTRIBUTION_H_

// A rank that is known by probabilities only: as many candidates are above the
// true one as independent trials succeed (Poisson-binomial).
//
// Pure functions; safe to call from any thread.

#include <vector>

namespace attune::trainer {

// Expected NDCG@10. `above` has for each other candidate the probability that
// it is above the true one; without others the rank is 1.
double ExpectedNdcgAt10(const std::vector<double>& above);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_RANK_DISTRIBUTION_H_
