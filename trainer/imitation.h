// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_IMITATION_H_
#define ATTUNE_TRAINER_IMITATION_H_

// Learns to choose as the caller does, from apprentice decisions (mode
// APPRENTICE). They are taken with certainty, so they say what the caller's prompt
// earns and nothing of any other: there is no better choice to be learned from
// them, only this one (behaviour cloning, Pomerleau 1991). What imitates it
// serves at no risk and explores, and from what it then logs from_log.h learns.
//   pi(a | s) ~ parent(a | s) exp(score(s, a))
// with linear scores that maximise the logged choices' likelihood, pattern by
// pattern, under a Gaussian prior. Each step goes to the optimum of a quadratic
// lower bound (Boehning 1992, Multinomial logistic regression algorithm, section
// 3), so the likelihood never falls and there is no step size.
//
// How well the caller is imitated is told on users that were not learned from.
//
// Deterministic: same samples, parent and options, same bits.

#include <vector>

#include "absl/status/statusor.h"
#include "policy/policy.h"
#include "trainer/linear_heads.h"
#include "trainer/logged_samples.h"

namespace attune::trainer {

struct ImitationOptions {
  int least_decisions = 100;
  int folds = 3;  // at least 2
  // Precision of the scores' prior, in units of standardised states.
  double penalty = 1.0;
  // Of each pattern: so many at most, and none once a decision's log-likelihood
  // gains less.
  int steps = 200;
  double least_progress = 1e-4;
};

// How often the agents' most probable options are the caller's, given its
// options of the patterns before.
struct Agreement {
  double whole_choice = 0.0;
  std::vector<double> patterns;
};

struct Imitation {
  // To be added to the parent's logits.
  LinearScores scores;
  // On users not learned from; the parent's on the same decisions.
  Agreement agreement;
  Agreement before;
};

// `log` are apprentice decisions (LogPart::kApprentice). kFailedPrecondition if
// there are too few, or of too few users.
absl::StatusOr<Imitation> Imitate(const policy::Policy& parent,
                                  const LoggedSamples& log,
                                  const ImitationOptions& options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_IMITATION_H_
