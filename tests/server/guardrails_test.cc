// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/guardrails.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <vector>

#include "tests/server/trial_simulation.h"
#include "tests/testing/environment.h"

namespace attune::server {
namespace {

using ::attune::testing::FromEnvironment;
using ::testing::HasSubstr;

constexpr double kShare = 0.1;
// Of requests. With 100 a second, an hour and 23 minutes.
constexpr int kLongestTrial = 500000;

struct Outcome {
  Verdict verdict;
  int64_t canary_decisions = 0;
  absl::Duration after;
};

// Judges after every tenth request, until the canary goes or the trial ends.
Outcome RunTrial(uint64_t seed, const RevisionQuality& canary, int requests) {
  TrialSimulation simulation(seed, {}, canary, kShare);
  const absl::Time start = simulation.now();
  const GuardrailLimits limits;
  ArmCounts on_trial(limits);
  ArmCounts active(limits);
  Outcome outcome;
  for (int i = 0; i < requests && !outcome.verdict.roll_back(); ++i) {
    simulation.Step([&](const Observation& seen) {
      (seen.role == TrafficRole::kCanary ? on_trial : active).Add(seen);
    });
    if (i % 10 == 0) outcome.verdict = Judge(limits, on_trial, active);
  }
  outcome.canary_decisions = on_trial.failures.count();
  outcome.after = simulation.now() - start;
  return outcome;
}

struct BadRevision {
  const char* name;
  RevisionQuality quality;
  Guardrail guardrail;
};

std::vector<BadRevision> BadRevisions() {
  std::vector<BadRevision> bad;
  for (const double failures : {0.03, 0.05, 0.1, 0.3, 1.0}) {
    bad.push_back({"errors", {.failures = failures}, Guardrail::kErrors});
  }
  for (const double share : {0.03, 0.05, 0.1, 0.5, 1.0}) {
    bad.push_back({"NaN", {.not_finite = share}, Guardrail::kErrors});
  }
  for (const double factor : {1.5, 1.6, 2.0, 4.0, 20.0}) {
    bad.push_back(
        {"slow", {.median_seconds = 25e-6 * factor}, Guardrail::kLatency});
  }
  for (const double factor : {0.5, 0.4, 0.3, 0.2, 0.0}) {
    bad.push_back({"reward", {.reward = factor}, Guardrail::kReward});
  }
  return bad;
}

TEST(GuardrailsTest, RollBackEverySeededBadRevision) {
  int rolled_back = 0;
  uint64_t seed = 100;
  for (const BadRevision& bad : BadRevisions()) {
    const Outcome outcome = RunTrial(++seed, bad.quality, kLongestTrial);
    EXPECT_EQ(outcome.verdict.guardrail, bad.guardrail)
        << bad.name << " " << seed;
    rolled_back += outcome.verdict.roll_back();
    std::cout << bad.name << ": canary decided " << outcome.canary_decisions
              << " times in " << absl::FormatDuration(outcome.after) << ": "
              << outcome.verdict.reason << "\n";
  }
  EXPECT_EQ(rolled_back, 20);
}

// ATTUNE_AA_RUNS says how many trials of an equally good canary there are.
TEST(GuardrailsTest, KeepACanaryThatIsAsGood) {
  const int runs = FromEnvironment("ATTUNE_AA_RUNS", 100);
  int rolled_back = 0;
  for (int run = 1; run <= runs; ++run) {
    const auto seed = static_cast<uint64_t>(run);
    const Outcome outcome = RunTrial(seed, {}, kLongestTrial / 5);
    rolled_back += outcome.verdict.roll_back();
    if (outcome.verdict.roll_back()) {
      std::cout << seed << ": " << outcome.verdict.reason << "\n";
    }
  }
  std::cout << rolled_back << " of " << runs << " rolled back\n";
  EXPECT_LE(rolled_back, runs / 100);
}

TEST(GuardrailsTest, KeepACanaryThatIsBetter) {
  EXPECT_FALSE(RunTrial(1,
                        {.failures = 0.0,
                         .median_seconds = 10e-6,
                         .reward = 1.3,
                         .entropy = 0.2},
                        100000)
                   .verdict.roll_back());
}

// The choices of a collapsed policy are no choices.
TEST(GuardrailsTest, RollBackACanaryWithoutEntropy) {
  const Outcome outcome = RunTrial(1, {.entropy = 0.001}, kLongestTrial);
  EXPECT_EQ(outcome.verdict.guardrail, Guardrail::kEntropy);
  EXPECT_THAT(outcome.verdict.reason, HasSubstr("entropy"));
}

TEST(GuardrailsTest, JudgeNothingByFewSamples) {
  const GuardrailLimits limits;
  ArmCounts canary(limits);
  ArmCounts active(limits);
  for (int i = 0; i < 1000; ++i) active.Add({});
  for (int i = 1; i < limits.min_samples; ++i) {
    canary.Add({.role = TrafficRole::kCanary, .failed = true, .seconds = 1.0});
    EXPECT_FALSE(Judge(limits, canary, active).roll_back()) << i;
  }
  canary.Add({.role = TrafficRole::kCanary, .failed = true, .seconds = 1.0});
  EXPECT_EQ(Judge(limits, canary, active).guardrail, Guardrail::kErrors);
}

// With a share of 1 there is nothing to compare with.
TEST(GuardrailsTest, JudgeErrorsWithoutTheActiveRevision) {
  const GuardrailLimits limits;
  const ArmCounts none(limits);
  ArmCounts canary(limits);
  for (int i = 0; i < 2000; ++i) {
    canary.Add({.failed = i % 5 == 0, .seconds = 20e-6, .surprisal = 0.5});
  }
  EXPECT_EQ(Judge(limits, canary, none).guardrail, Guardrail::kErrors);
}

TEST(LatencyScoreTest, IsLogarithmicWithinItsRange) {
  EXPECT_EQ(LatencyScore(0.0), 0.0);
  EXPECT_EQ(LatencyScore(1e-6), 0.0);
  EXPECT_NEAR(LatencyScore(1e-3), 0.5, 1e-9);
  EXPECT_EQ(LatencyScore(100.0), 1.0);
  EXPECT_NEAR(SecondsOfScore(LatencyScore(25e-6)), 25e-6, 1e-12);
}

}  // namespace
}  // namespace attune::server
