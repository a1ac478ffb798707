// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_NORMAL_H_
#define ATTUNE_TRAINER_NORMAL_H_

// The standard normal distribution. Its numbers are from our own generator (Box
// & Muller 1958), so that a seed means the same numbers with every library.

#include <cmath>

#include "policy/random.h"

namespace attune::trainer {

inline double Normal(policy::Rng& rng) {
  const double radius = std::sqrt(-2.0 * std::log1p(-rng.UnitDouble()));
  return radius * std::cos(2.0 * M_PI * rng.UnitDouble());
}

inline double NormalCdf(double x) { return 0.5 * std::erfc(-x / M_SQRT2); }

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_NORMAL_H_
