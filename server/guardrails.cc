// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/guardrails.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace attune::server {
namespace {

// Bounds that a trial may trip over: two for each of errors, latency and reward,
// one for entropy. Each gets its share of alpha.
constexpr double kBounds = 7.0;
constexpr double kFastest = 1e-6;
const double kLogRange = std::log(1e6);

bool Suffices(const GuardrailLimits& limits, const ConfidenceSequence& seen) {
  return seen.count() >= limits.min_samples;
}

Verdict JudgeErrors(const GuardrailLimits& limits, const ArmCounts& canary,
                    const ArmCounts& active) {
  if (!Suffices(limits, canary.failures)) return {};
  const double allowed =
      Suffices(limits, active.failures)
          ? active.failures.Upper() + limits.failure_tolerance
          : limits.max_failures;
  if (canary.failures.Lower() <= allowed) return {};
  return {
      Guardrail::kErrors,
      absl::StrFormat("%.2f %% of %d decisions failed; of the active "
                      "revision's, %.2f %% of %d",
                      100.0 * canary.failures.mean(), canary.failures.count(),
                      100.0 * active.failures.mean(), active.failures.count())};
}

Verdict JudgeLatency(const GuardrailLimits& limits, const ArmCounts& canary,
                     const ArmCounts& active) {
  if (!Suffices(limits, canary.latency) || !Suffices(limits, active.latency)) {
    return {};
  }
  const double tolerance = std::log(limits.latency_tolerance) / kLogRange;
  if (canary.latency.Lower() <= active.latency.Upper() + tolerance) return {};
  return {Guardrail::kLatency,
          absl::StrFormat("a decision takes %.1f us (%d seen); the active "
                          "revision's, %.1f us (%d)",
                          1e6 * SecondsOfScore(canary.latency.mean()),
                          canary.latency.count(),
                          1e6 * SecondsOfScore(active.latency.mean()),
                          active.latency.count())};
}

Verdict JudgeReward(const GuardrailLimits& limits, const ArmCounts& canary,
                    const ArmCounts& active) {
  if (!Suffices(limits, canary.reward) || !Suffices(limits, active.reward)) {
    return {};
  }
  if (canary.reward.Upper() + limits.reward_tolerance >=
      active.reward.Lower()) {
    return {};
  }
  return {Guardrail::kReward,
          absl::StrFormat("mean reward %.4f of %d; of the active revision, "
                          "%.4f of %d",
                          canary.reward.mean(), canary.reward.count(),
                          active.reward.mean(), active.reward.count())};
}

Verdict JudgeEntropy(const GuardrailLimits& limits, const ArmCounts& canary) {
  if (!Suffices(limits, canary.surprisal) ||
      canary.surprisal.Upper() >= kSurprisalScale * limits.min_entropy) {
    return {};
  }
  return {
      Guardrail::kEntropy,
      absl::StrFormat("entropy of the choices %.4f of the largest (%d seen)",
                      canary.surprisal.mean() / kSurprisalScale,
                      canary.surprisal.count())};
}

}  // namespace

ArmCounts::ArmCounts(const GuardrailLimits& limits)
    : failures(limits.alpha / kBounds),
      latency(limits.alpha / kBounds),
      surprisal(limits.alpha / kBounds),
      reward(limits.alpha / kBounds) {}

void ArmCounts::Add(const Observation& observation) {
  if (observation.kind == Observation::Kind::kReward) {
    reward.Add(observation.reward);
    return;
  }
  failures.Add(observation.failed ? 1.0 : 0.0);
  latency.Add(LatencyScore(observation.seconds));
  if (observation.surprisal >= 0.0) {
    surprisal.Add(kSurprisalScale * observation.surprisal);
  }
}

double LatencyScore(double seconds) {
  return std::clamp(
      std::log(std::max(seconds, kFastest) / kFastest) / kLogRange, 0.0, 1.0);
}

double SecondsOfScore(double score) {
  return kFastest * std::exp(score * kLogRange);
}

const char* GuardrailName(Guardrail guardrail) {
  constexpr const char* kNames[kGuardrails] = {"none", "errors", "latency",
                                               "reward", "entropy"};
  return kNames[static_cast<int>(guardrail)];
}

Verdict Judge(const GuardrailLimits& limits, const ArmCounts& canary,
              const ArmCounts& active) {
  Verdict verdict = JudgeErrors(limits, canary, active);
  if (!verdict.roll_back()) verdict = JudgeReward(limits, canary, active);
  if (!verdict.roll_back()) verdict = JudgeLatency(limits, canary, active);
  if (!verdict.roll_back()) verdict = JudgeEntropy(limits, canary);
  return verdict;
}

}  // namespace attune::server
