// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_OPE_H_
#define ATTUNE_TRAINER_OPE_H_

// What a revision would have earned on logged decisions, before it serves:
// every estimator of off_policy.h with its interval, and whether the log can say
// at all.
//
// A log cannot say when
//   it holds nothing but the caller's own choices (apprentice mode);
//   there are too few rewards, or too few users for an interval;
//   the target takes choices that the logging policy could not;
//   the weights do not average to 1: the propensities are not those that the
//   decisions were taken with;
//   so few choices are alike that the effective sample size is below a floor.
// Each of these ends in kFailedPrecondition, which says which and by how much.
//
// Deterministic: same samples, target and seed, same report.

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/choice_distribution.h"
#include "trainer/logged_samples.h"
#include "trainer/off_policy.h"
#include "trainer/reward_cross_fit.h"

namespace attune::trainer {

struct OpeOptions {
  // Below any of these the log cannot say.
  int least_rewards = 100;
  int least_users = 30;
  double least_effective_size = 100.0;
  // Probability of the target's choices that the logging policy cannot take.
  double most_unsupported = 0.001;
  // True: the pseudo-inverse estimate is enough. The floor then holds for its
  // weights, and the other estimators are left out if theirs are below it.
  bool additive = false;
  // Of the reward model.
  int folds = 5;
  // Choices drawn in each state (choice_distribution.h).
  int draws = 16;
  uint64_t seed = 1;
};

struct OpeEstimate {
  Estimator estimator = Estimator::kIps;
  Estimate value;
  // Over the baseline, in pairs of decisions.
  Estimate gain;
  double effective_size = 0.0;
  double largest_weight = 0.0;
};

struct OpeReport {
  // What the log earned, and the baseline by doubly robust; the same without a
  // baseline.
  Estimate logged;
  // What the caller's own prompt earned on apprentice decisions: other ones than
  // those that are valued, so a difference is not of pairs.
  std::optional<Estimate> own;
  Estimate baseline;
  // Of the joint weights; 1 if all is well.
  Estimate mean_weight;
  // Probability of the target's choices that the logging policy cannot take;
  // share of the decisions with any such choice; share with weight 0.
  double unsupported = 0.0;
  double unsupported_share = 0.0;
  double zero_weight_share = 0.0;
  std::vector<OpeEstimate> estimates;
};

// Values `target`; gains are over `baseline`, or over the decisions as they were
// taken without one. kFailedPrecondition as above.
absl::StatusOr<OpeReport> ValueOnLog(
    const BeliefShape& shape, const LoggedSamples& log,
    const ChoiceDistribution& target,
    const std::optional<ChoiceDistribution>& baseline,
    const OpeOptions& options);

// Mean reward of the log's apprentice decisions; nullopt if none has one.
std::optional<Estimate> OwnValue(const LoggedSamples& log);

// The pieces. Every decision under the target; `fit` may be shared by targets.
struct WeighedLog {
  std::vector<WeighedDecision> rows;
  std::vector<double> unsupported;
};
WeighedLog WeighLog(absl::Span<const LoggedSample> samples,
                    const ChoiceDistribution& target, const RewardCrossFit& fit,
                    int draws, uint64_t seed);
// kFailedPrecondition if the weights say that the log cannot.
absl::Status CheckSupport(const WeighedLog& log, const OpeOptions& options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_OPE_H_
