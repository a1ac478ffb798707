// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_OFF_POLICY_H_
#define ATTUNE_TRAINER_OFF_POLICY_H_

// The value of a target policy pi from decisions that another one, mu, took.
// With w = prod_k pi_k(a_k) / mu_k(a_k), q a model of the reward that has not
// seen the decision, and n decisions:
//   IPS      mean of w r                         Horvitz & Thompson 1952
//   SNIPS    sum of w r / sum of w               Swaminathan & Joachims 2015
//   DR       mean of w (r - q(a)) + E_pi q       Dudik et al. 2011, eq. 2
//   PI       mean of r (1 + sum_k (pi_k(a_k) / mu_k(a_k) - 1))
//            Swaminathan et al. 2017 (arXiv 1605.04812), section 3.2, for a mu
//            that is a product over patterns; pi_k are marginals
// IPS, SNIPS and DR need that mu takes every choice that pi takes. PI needs
// less, every option that pi takes, but is right only if a reward is a sum over
// patterns and mu draws patterns independently of each other (uniform or
// independent heads).
//
// Intervals: each estimator is a mean of influence values psi, for SNIPS after
// linearisation; the decisions of one user are one cluster (Liang & Zeger 1986),
// and the quantile is Student's of as many degrees of freedom as clusters - 1.
//
// Pure functions; safe to call from any thread.

#include <vector>

#include "absl/types/span.h"
#include "trainer/statistics.h"

namespace attune::trainer {

// One decision as the estimators see it.
struct WeighedDecision {
  double weight = 0.0;        // w
  double slate_weight = 0.0;  // 1 + sum_k (pi_k / mu_k - 1); may be negative
  double reward = 0.0;        // in [0, 1]
  double predicted = 0.0;     // q of the logged choice
  double expected = 0.0;      // E_pi q
  int user = 0;               // cluster, in [0, users)
};

enum class Estimator { kIps, kSnips, kDoublyRobust, kPseudoInverse };
inline constexpr Estimator kEstimators[] = {Estimator::kIps, Estimator::kSnips,
                                            Estimator::kDoublyRobust,
                                            Estimator::kPseudoInverse};

// "ips", "snips", "doubly_robust", "pseudo_inverse".
const char* NameOf(Estimator estimator);

struct Estimate {
  double value = 0.0;
  double low = 0.0;  // 95 % interval, unless another was asked for
  double high = 0.0;
  double standard_error = 0.0;
};

// [n] Whose mean is the estimate. REQUIRES: for kSnips, a positive sum of
// weights.
std::vector<double> InfluenceValues(Estimator estimator,
                                    absl::Span<const WeighedDecision> rows);

// Mean of `values`, users[i] being the cluster of values[i], with the interval
// that leaves out `tail` on either side. No interval (low = high = value) with
// fewer than two clusters. REQUIRES: equal sizes, at least one value.
Estimate ClusteredMean(absl::Span<const double> values,
                       absl::Span<const int> users,
                       double tail = kIntervalTail);

// (sum w)^2 / sum w^2 (Kish 1965): as many decisions of the target itself would
// say as much. 0 if all weights are 0.
double EffectiveSize(absl::Span<const double> weights);

// Quantile 1 - tail of Student's t, by the first two terms of its expansion in
// 1 / freedom around the normal one. REQUIRES: freedom >= 1, tail in (0, 0.5).
double StudentQuantile(int freedom, double tail = kIntervalTail);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_OFF_POLICY_H_
