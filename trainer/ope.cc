// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/ope.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "policy/status_macros.h"
#include "trainer/statistics.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kDrawStream = 0x6f7065;
// Further than so many standard errors from 1 the weights' mean is no accident.
constexpr double kMeanWeightErrors = 4.0;
constexpr double kMeanWeightTolerance = 0.01;

absl::Status CannotSay(const std::string& why) {
  return absl::FailedPreconditionError(
      absl::StrCat("the log cannot say: ", why));
}

std::vector<int> UsersOf(absl::Span<const WeighedDecision> rows) {
  std::vector<int> users;
  for (const WeighedDecision& row : rows) users.push_back(row.user);
  return users;
}

std::vector<double> WeightsOf(absl::Span<const WeighedDecision> rows,
                              Estimator estimator) {
  std::vector<double> weights;
  for (const WeighedDecision& row : rows) {
    weights.push_back(estimator == Estimator::kPseudoInverse ? row.slate_weight
                                                             : row.weight);
  }
  return weights;
}

double ShareAboveZero(absl::Span<const double> values) {
  const auto count = std::count_if(values.begin(), values.end(),
                                   [](double x) { return x > 0.0; });
  return static_cast<double>(count) / static_cast<double>(values.size());
}

absl::Status CheckSize(const LoggedSamples& log, const OpeOptions& options) {
  const auto rewards = static_cast<int64_t>(log.samples.size());
  if (rewards == 0 && log.apprentice > 0) {
    return CannotSay(absl::StrCat(
        "no support: all ", log.apprentice,
        " decisions of its catalog and readout are the caller's own, taken "
        "with "
        "certainty in apprentice mode, and say nothing of another choice; a "
        "revision that imitates them (train --from-log --imitate) explores "
        "once "
        "it serves"));
  }
  if (rewards < options.least_rewards) {
    return CannotSay(
        absl::StrCat(rewards, " of ", log.decisions,
                     " decisions can be used, at least ", options.least_rewards,
                     " are needed (without a reward: ", log.without_reward,
                     ", greedy: ", log.greedy, ", apprentice: ", log.apprentice,
                     ", other catalog: ", log.other_catalog,
                     ", other readout: ", log.other_readout, ")"));
  }
  if (log.users < options.least_users) {
    return CannotSay(absl::StrCat(log.users, " users, at least ",
                                  options.least_users,
                                  " are needed for an interval"));
  }
  return absl::OkStatus();
}

// What decisions of a baseline would have earned, decision by decision.
std::vector<double> BaselineValues(Estimator estimator,
                                   const WeighedLog* baseline,
                                   absl::Span<const WeighedDecision> rows) {
  if (baseline != nullptr) return InfluenceValues(estimator, baseline->rows);
  std::vector<double> values;
  for (const WeighedDecision& row : rows) values.push_back(row.reward);
  return values;
}

OpeEstimate EstimateBy(Estimator estimator, const WeighedLog& target,
                       const WeighedLog* baseline,
                       absl::Span<const int> users) {
  const std::vector<double> values = InfluenceValues(estimator, target.rows);
  std::vector<double> gains = BaselineValues(estimator, baseline, target.rows);
  for (size_t i = 0; i < gains.size(); ++i) gains[i] = values[i] - gains[i];
  const std::vector<double> weights = WeightsOf(target.rows, estimator);
  return {.estimator = estimator,
          .value = ClusteredMean(values, users),
          .gain = ClusteredMean(gains, users),
          .effective_size = EffectiveSize(weights),
          .largest_weight = *std::max_element(weights.begin(), weights.end())};
}

OpeReport Report(const WeighedLog& target, const WeighedLog* baseline,
                 const OpeOptions& options) {
  const std::vector<int> users = UsersOf(target.rows);
  const std::vector<double> weights =
      WeightsOf(target.rows, Estimator::kDoublyRobust);
  OpeReport report;
  const std::vector<double> rewards =
      BaselineValues(Estimator::kDoublyRobust, nullptr, target.rows);
  report.logged = ClusteredMean(rewards, users);
  report.baseline = ClusteredMean(
      BaselineValues(Estimator::kDoublyRobust, baseline, target.rows), users);
  report.mean_weight = ClusteredMean(weights, users);
  report.unsupported = Mean(target.unsupported);
  report.unsupported_share = ShareAboveZero(target.unsupported);
  report.zero_weight_share = 1.0 - ShareAboveZero(weights);
  const bool all = EffectiveSize(weights) >= options.least_effective_size;
  for (const Estimator estimator : kEstimators) {
    if (!all && estimator != Estimator::kPseudoInverse) continue;
    report.estimates.push_back(EstimateBy(estimator, target, baseline, users));
  }
  return report;
}

}  // namespace

WeighedLog WeighLog(absl::Span<const LoggedSample> samples,
                    const ChoiceDistribution& target, const RewardCrossFit& fit,
                    int draws, uint64_t seed) {
  policy::Rng rng(seed, kDrawStream);
  WeighedLog log;
  for (const LoggedSample& sample : samples) {
    const std::vector<DrawnChoice> drawn =
        DrawChoices(target, sample.state,
                    static_cast<int>(sample.options.size()), draws, rng);
    const ChoiceWeights weights = WeighChoice(target, sample, drawn);
    const Belief& belief = fit.For(sample);
    log.rows.push_back(
        {.weight = weights.joint,
         .slate_weight = weights.slate,
         .reward = sample.reward,
         .predicted = PredictReward(belief, sample.state, sample.options),
         .expected = ExpectReward(belief, sample.state, drawn),
         .user = sample.user});
    log.unsupported.push_back(weights.unsupported);
  }
  return log;
}

absl::Status CheckSupport(const WeighedLog& log, const OpeOptions& options) {
  const double unsupported = Mean(log.unsupported);
  if (unsupported > options.most_unsupported) {
    return CannotSay(absl::StrFormat(
        "the revision takes choices with probability %.4f that the logging "
        "policy could not take (at most %.4f), in %.1f %% of the states",
        unsupported, options.most_unsupported,
        100.0 * ShareAboveZero(log.unsupported)));
  }
  const std::vector<double> joint = WeightsOf(log.rows, Estimator::kIps);
  const std::vector<double> slate =
      WeightsOf(log.rows, Estimator::kPseudoInverse);
  const double size = EffectiveSize(options.additive ? slate : joint);
  if (size < options.least_effective_size) {
    return CannotSay(absl::StrFormat(
        "the effective sample size of %d decisions is %.1f, at least %.0f is "
        "needed; log more, or closer to the revision%s",
        log.rows.size(), size, options.least_effective_size,
        !options.additive &&
                EffectiveSize(slate) >= options.least_effective_size
            ? absl::StrFormat(" (by pattern it is %.1f: --additive values it "
                              "by the pseudo-inverse alone)",
                              EffectiveSize(slate))
            : ""));
  }
  if (EffectiveSize(joint) < options.least_effective_size) {
    return absl::OkStatus();  // too few to judge their mean
  }
  const Estimate mean = ClusteredMean(joint, UsersOf(log.rows));
  if (std::abs(mean.value + unsupported - 1.0) >
      kMeanWeightErrors * mean.standard_error + kMeanWeightTolerance) {
    return CannotSay(absl::StrFormat(
        "the weights average to %.3f (standard error %.3f) instead of 1, so "
        "the logged propensities are not those of the decisions",
        mean.value, mean.standard_error));
  }
  return absl::OkStatus();
}

std::optional<Estimate> OwnValue(const LoggedSamples& log) {
  if (log.own.rewards.empty()) return std::nullopt;
  return ClusteredMean(log.own.rewards, log.own.users);
}

absl::StatusOr<OpeReport> ValueOnLog(
    const BeliefShape& shape, const LoggedSamples& log,
    const ChoiceDistribution& target,
    const std::optional<ChoiceDistribution>& baseline,
    const OpeOptions& options) {
  ATTUNE_RETURN_IF_ERROR(CheckSize(log, options));
  const RewardCrossFit fit(shape, log.samples, options.folds);
  const WeighedLog weighed =
      WeighLog(log.samples, target, fit, options.draws, options.seed);
  ATTUNE_RETURN_IF_ERROR(CheckSupport(weighed, options));
  WeighedLog other;
  if (baseline.has_value()) {
    other = WeighLog(log.samples, *baseline, fit, options.draws, options.seed);
    const absl::Status supported = CheckSupport(other, options);
    if (!supported.ok()) {
      return absl::Status(supported.code(),
                          absl::StrCat("baseline: ", supported.message()));
    }
  }
  OpeReport report =
      Report(weighed, baseline.has_value() ? &other : nullptr, options);
  report.own = OwnValue(log);
  return report;
}

}  // namespace attune::trainer
