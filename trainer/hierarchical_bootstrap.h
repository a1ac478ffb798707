// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_HIERARCHICAL_BOOTSTRAP_H_
#define ATTUNE_TRAINER_HIERARCHICAL_BOOTSTRAP_H_

// Means over (training seed, user) with intervals and p-values that hold for
// other seeds and other users. Pure functions: same values and seed, same
// answer.
//
// Source: Efron & Tibshirani 1993, percentile bootstrap; Owen 2007, the
// pigeonhole bootstrap: the seeds and the users are drawn with replacement, each
// user's draw holding for all seeds, since every seed is measured on the same
// users. The p-value is twice the smaller share of the resampled means on one
// side of zero, counting the data themselves once (Davison & Hinkley 1997,
// 4.11).
//
// With few seeds their own spread is understated: the variance of a resampled
// mean of S seeds is (S - 1) / S of what it estimates.

#include <Eigen/Core>
#include <cstdint>

#include "trainer/statistics.h"

namespace attune::trainer {

// [users, seeds]; NaN where there is no value. One column: nothing was trained,
// or one seed only.
using SeedTable = Eigen::MatrixXd;

struct BootstrapResult {
  // count: users with a value. All zero if there is none.
  Interval interval;
  // Of the mean being 0, two-sided; 1 if there is no value.
  double p = 1.0;
};

BootstrapResult HierarchicalMean(const SeedTable& values, uint64_t seed,
                                 int resamples = kBootstrapResamples);

// a - b where both have a value. A table of one column is compared with every
// column of the other. REQUIRES: equal users; equal seeds, or one column.
SeedTable PairedTable(const SeedTable& a, const SeedTable& b);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_HIERARCHICAL_BOOTSTRAP_H_
