// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_STATISTICS_H_
#define ATTUNE_TRAINER_STATISTICS_H_

// Means with 95 % bootstrap intervals. Pure functions: same values and seed,
// same interval.
//
// Source: Efron & Tibshirani 1993, percentile bootstrap. Paired: users are
// resampled, not measurements, so what two methods share cancels out.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace attune::trainer {

inline constexpr int kBootstrapResamples = 10000;
// Beyond either end of an interval.
inline constexpr double kIntervalTail = 0.025;

struct Interval {
  double mean = 0.0;
  double low = 0.0;  // `tail` quantile of the resampled means, 2.5 % by default
  double high = 0.0;  // the same from above
  int count = 0;      // values; all zero if there is none
};

// 0 if there are no values.
double Mean(absl::Span<const double> values);
// Of the mean; 0 if there are fewer than two values.
double StandardError(absl::Span<const double> values);

Interval BootstrapMean(absl::Span<const double> values, uint64_t seed,
                       int resamples = kBootstrapResamples,
                       double tail = kIntervalTail);

// Of a[i] - b[i]. REQUIRES: equal sizes.
Interval PairedDifference(absl::Span<const double> a,
                          absl::Span<const double> b, uint64_t seed,
                          int resamples = kBootstrapResamples,
                          double tail = kIntervalTail);

// Linear interpolation between the order statistics. REQUIRES: at least one
// value, ascending; q in [0, 1].
double Quantile(const std::vector<double>& ascending, double q);

// P-values adjusted for their number, in the given order: rejecting those below
// a level keeps the chance of any false rejection below it (Holm 1979).
std::vector<double> HolmAdjust(absl::Span<const double> p_values);

// Where `value` lies between chance (0) and perfection (1). REQUIRES: chance
// < 1.
double Normalised(double value, double chance);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_STATISTICS_H_
