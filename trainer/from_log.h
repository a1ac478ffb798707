// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_FROM_LOG_H_
#define ATTUNE_TRAINER_FROM_LOG_H_

// Continues a policy from logged decisions, without any LLM:
//   pi(a | s) ~ parent(a | s) exp(A(s, a) / temperature)
// the policy of the largest expected advantage A at a given Kullback-Leibler
// divergence from the parent (Peters et al. 2010, REPS; Peng et al. 2019, AWR).
//
// Steps:
// 1. A is the reward model of the log (belief.h), whose empirical Bayes shrinks
//    it to the best fixed prompt where nothing personal shows.
// 2. What the model misses of an option's effect on everybody is added from its
//    residuals, each weighted by its clipped inverse propensity: doubly robust
//    (Dudik et al. 2011). These corrections are shrunk by how much larger they
//    are together than their standard errors explain, so that a model that misses
//    nothing stays as it is.
// 3. Temperatures are tried a fold at a time: on its users, an advantage from half
//    of the other folds is valued by doubly robust with clipped weights (Ionides
//    2008) and a model from the other half; what is clipped leaves that model's
//    prediction, which must not be the one that chose. The temperature with the
//    largest lower bound of its gain is taken; if that bound is not above zero,
//    there is nothing to learn from the log, and the parent stays. The intervals
//    hold for all temperatures together (Bonferroni).
// 4. A is fitted to the whole log and joins the parent's heads (summed_heads.h).
// Each trial learns from two fifths of the log and is clipped, so the gain that
// is told errs on the low side; a fresh log tells better.
//
// Deterministic: same samples, parent and options, same bits.

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/policy.h"
#include "trainer/linear_heads.h"
#include "trainer/logged_samples.h"
#include "trainer/off_policy.h"
#include "trainer/reward_cross_fit.h"

namespace attune::trainer {

struct FromLogOptions {
  int least_rewards = 100;
  // Below, an interval by user says little; as OpeOptions::least_users.
  int least_users = 30;
  int folds = 5;  // at least 3
  // In units of the reward: how much better an option has to be to become e
  // times as probable, before the parent's preference.
  std::vector<double> temperatures = {0.32, 0.16, 0.08, 0.04, 0.02, 0.01};
  // Largest importance weight and inverse propensity.
  double clip = 20.0;
  // Of the new revision; the parent's if negative.
  double exploration_floor = -1.0;
  int draws = 8;
  uint64_t seed = 1;
};

struct LearnedFromLog {
  // A of the whole log, in units of the reward over the temperature.
  LinearScores scores;
  double temperature = 0.0;
  // Over the decisions as they were taken, jointly for all temperatures.
  Estimate gain;
  int temperatures = 0;  // so many were tried
};

// `parent` is the policy whose heads are continued. kFailedPrecondition if there
// are too few rewards, or if no temperature's gain is above zero.
absl::StatusOr<LearnedFromLog> LearnFromLog(const policy::Policy& parent,
                                            const LoggedSamples& log,
                                            const FromLogOptions& options);

// The pieces.
// Scores of every option (in the order of LinearScores) that the residuals of
// `belief` on `samples` add to everybody's: step 2.
Eigen::VectorXf ResidualEffects(const Belief& belief, const BeliefShape& shape,
                                absl::Span<const LoggedSample* const> samples,
                                double clip);
// The parent's logits plus scores; `scores` and `parent` must outlive it.
ChoiceDistribution ContinuedDistribution(const policy::Policy& parent,
                                         const LinearScores& scores,
                                         double exploration_floor);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_FROM_LOG_H_
