// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_OPTION_EFFECTS_H_
#define ATTUNE_TRAINER_OPTION_EFFECTS_H_

// Whether what an option gains differs between users: without that no choice
// can be personal.
//
// Source: one-way analysis of variance with unequal group sizes (Searle et al.
// 1992, section 3.6): the mean squares between and within users give the
// variance between users by the method of moments. The p-value permutes the
// measurements over the users, who are all alike if nothing is personal.
//
// Pure functions; safe to call from any thread.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace attune::trainer {

inline constexpr int kEffectPermutations = 2000;

struct OptionEffect {
  double mean = 0.0;            // of the users' mean gains
  double standard_error = 0.0;  // over users
  // Standard deviation of the users' true gains; 0 if the noise explains all.
  double between_user_deviation = 0.0;
  // Of that being 0; 1 if no user has two measurements.
  double p = 1.0;
  int users = 0;
};

// gains[user]: the reward with the option minus the reward with its pattern's
// default, one entry a target. Users without entries are left out.
OptionEffect EstimateOptionEffect(absl::Span<const std::vector<double>> gains,
                                  uint64_t seed,
                                  int permutations = kEffectPermutations);

// Variance between groups by moments, (MSB - MSW) / n0, not cut at 0; 0 unless
// there are two groups and one of them has two values.
double VarianceBetween(absl::Span<const std::vector<double>> groups);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_OPTION_EFFECTS_H_
