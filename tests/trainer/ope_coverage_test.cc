// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// How often 95 % intervals hold the truth, on logs of simulated users whose
// every choice has a known value. ATTUNE_OPE_RUNS sets the number of logs.

#include <cstdio>
#include <map>
#include <string>

#include "gtest/gtest.h"
#include "tests/testing/environment.h"
#include "tests/trainer/sim_log.h"
#include "trainer/logged_samples.h"
#include "trainer/ope.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FromEnvironment;
using ::attune::testing::SimLogWorld;

constexpr int kUsers = 600;
constexpr int kDecisions = 2000;
constexpr int kRuns = 16;
// Of 16 intervals that hold with 95 % fewer than 12 hold with a probability of
// 0.001; of 16 that hold with 50 %, 12 or more with 0.04.
constexpr double kLeastShare = 0.75;

int Runs() { return FromEnvironment("ATTUNE_OPE_RUNS", kRuns); }

struct Coverage {
  int held = 0;
  int runs = 0;
  double width = 0.0;
  double bias = 0.0;
};

void Print(const char* name, const Coverage& c) {
  std::printf("%-15s %4d of %4d = %.3f, mean width %.4f, mean error %+.4f\n",
              name, c.held, c.runs, static_cast<double>(c.held) / c.runs,
              c.width / c.runs, c.bias / c.runs);
}

// A different world, logging policy and target in each run.
void CoverAll(bool uniform_log) {
  std::map<Estimator, Coverage> coverage;
  int refused = 0;
  for (int run = 0; run < Runs(); ++run) {
    const uint64_t seed = 1000 + run;
    const SimLogWorld sim(SimSetting::kPaper, seed, kUsers);
    const auto logging =
        uniform_log ? sim.Uniform()
                    : sim.Random(policy::HeadsKind::kIndependent, 0.4F, seed);
    const auto target =
        sim.Random(policy::HeadsKind::kAutoregressive, 0.5F, seed + 50000);
    const policy::Policy& policy = target->policy();
    const ChoiceDistribution distribution =
        DistributionOf(policy.actor(), policy::DecisionMode::kSample);
    const auto log =
        ToLoggedSamples(sim.Log(*logging, kDecisions, seed), policy).value();
    const auto report =
        ValueOnLog(ShapeOf(policy), log, distribution, std::nullopt, {});
    if (!report.ok()) {
      ++refused;
      std::printf("run %d: %s\n", run, report.status().ToString().c_str());
      continue;
    }
    const double truth = sim.TrueValue(distribution, policy);
    for (const OpeEstimate& one : report->estimates) {
      Coverage& c = coverage[one.estimator];
      ++c.runs;
      c.held += one.value.low <= truth && truth <= one.value.high;
      c.width += one.value.high - one.value.low;
      c.bias += one.value.value - truth;
    }
  }
  std::printf("%s log, %d decisions, %d runs, %d refused\n",
              uniform_log ? "uniform" : "softmax", kDecisions, Runs(), refused);
  for (const auto& [estimator, c] : coverage) Print(NameOf(estimator), c);
  EXPECT_LE(refused, Runs() / 4);
  ASSERT_EQ(coverage.size(), 4u);
  const double least = Runs() >= 100 ? 0.9 : kLeastShare;
  for (const auto& [estimator, c] : coverage) {
    EXPECT_GE(c.held, least * c.runs) << NameOf(estimator);
  }
}

TEST(OpeCoverageTest, IntervalsHoldTheTruthOnUniformLogs) { CoverAll(true); }
TEST(OpeCoverageTest, IntervalsHoldTheTruthOnSoftmaxLogs) { CoverAll(false); }

TEST(OpeCoverageTest, EnumerationIsWhatTheSimulatorPays) {
  const SimLogWorld sim(SimSetting::kPaper, 7, kUsers);
  const auto revision = sim.Random(policy::HeadsKind::kAutoregressive, 0.5F, 8);
  const policy::Policy& policy = revision->policy();
  const double truth = sim.TrueValue(
      DistributionOf(policy.actor(), policy::DecisionMode::kSample), policy);
  double mean = 0.0;
  constexpr int kPaid = 40000;
  for (const v1::LoggedDecision& one : sim.Log(*revision, kPaid, 9)) {
    mean += one.feedback().reward() / kPaid;
  }
  // Deviation of a reward 0.25, of users' means 0.1 / sqrt(600) at most: four.
  EXPECT_NEAR(mean, truth, 4.0 * 0.25 / 200.0);
}

}  // namespace
}  // namespace attune::trainer
