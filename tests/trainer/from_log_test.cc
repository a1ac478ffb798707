// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/from_log.h"

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/environment.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/log_files.h"
#include "tests/trainer/sim_log.h"
#include "trainer/sim_score.h"
#include "trainer/statistics.h"
#include "trainer/summed_heads.h"
#include "trainer/train_from_log.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FromEnvironment;
using ::attune::testing::IsOk;
using ::attune::testing::SimLogWorld;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 12;
constexpr int kUsers = 600;

class FromLogTest : public LogFilesTest {};

// Gains of `policy` over the uniform policy on users that no log holds.
Interval TrueGain(const SimLogWorld& sim, const policy::Policy& policy) {
  const auto distribution =
      DistributionOf(policy.actor(), policy::DecisionMode::kSample);
  const policy::Policy uniform =
      policy::Policy::Uniform(policy.shared_catalog(), policy.readout());
  const auto even =
      DistributionOf(uniform.actor(), policy::DecisionMode::kSample);
  std::vector<double> ours, theirs;
  for (const int user : sim.world().HeldOutUsers()) {
    ours.push_back(sim.UserValue(distribution, policy, user, 0));
    theirs.push_back(sim.UserValue(even, policy, user, 0));
  }
  return PairedDifference(ours, theirs, kSeed);
}

// ATTUNE_OPE_WORLDS sets the number of worlds.
TEST_F(FromLogTest, ImprovesOnAUniformLogOfFiveThousand) {
  const int worlds = FromEnvironment("ATTUNE_OPE_WORLDS", 1);
  for (uint64_t seed = kSeed; seed < kSeed + worlds; ++seed) {
    SCOPED_TRACE(seed);
    const SimLogWorld sim(SimSetting::kPaper, seed, kUsers, "movies.yaml");
    const std::string parent = sim.UniformArtifact();
    const auto revision = policy::Revision::Load(parent).value();
    const int users = sim.world().num_train_users();
    TrainFromLogRun run{
        .logs = {WriteLog(sim.Log(*revision, 5000, seed, users))},
        .parent = WriteRevision(parent)};
    const auto trained = TrainFromLog(run);
    ASSERT_THAT(trained, IsOk());
    const auto child = policy::Revision::Load(trained->revision).value();
    EXPECT_EQ(child->manifest().parent_revision(), revision->id());
    const Interval gain = TrueGain(sim, child->policy());
    const SimBounds bounds = BoundsOf(sim.world(), sim.world().HeldOutUsers());
    const Estimate& told = trained->learned.gain;
    std::printf(
        "temperature %.2f, true gain %.4f [%.4f, %.4f] (best fixed prompt "
        "%.4f, optimum %.4f), told %.4f [%.4f, %.4f]\n",
        trained->learned.temperature, gain.mean, gain.low, gain.high,
        bounds.best_fixed - bounds.uniform, bounds.optimum - bounds.uniform,
        told.value, told.low, told.high);
    EXPECT_GT(told.low, 0.0);
    EXPECT_GT(gain.low, 0.05);
  }
}

TEST_F(FromLogTest, ContinuesWhatALoggedPolicyKnows) {
  const SimLogWorld sim(SimSetting::kPaper, kSeed, kUsers);
  const auto parent = sim.Random(policy::HeadsKind::kAutoregressive, 1.0F, 5);
  const auto log =
      ToLoggedSamples(sim.Log(*parent, 3000, kSeed), parent->policy()).value();
  const auto learned = LearnFromLog(parent->policy(), log, {.folds = 3});
  ASSERT_THAT(learned, IsOk());
  auto parts = policy::DecodeRevision(sim.ArtifactOf(*parent)).value();
  const auto child =
      policy::PolicyOf(AddScores(std::move(parts), learned->scores, {}).value())
          .value();
  // The artifact's heads say what was learned.
  const auto expected =
      ContinuedDistribution(parent->policy(), learned->scores, 0.05);
  const Eigen::VectorXf& state = log.samples[0].state;
  std::vector<int> earlier;
  for (int k = 0; k < 4; ++k) {
    const Eigen::VectorXf p = child->actor().Probabilities(k, state, earlier);
    EXPECT_LT((p - expected(k, state, earlier)).lpNorm<Eigen::Infinity>(),
              2e-3F);
    earlier.push_back(1);
  }
  const auto mode = policy::DecisionMode::kSample;
  EXPECT_GT(sim.TrueValue(DistributionOf(child->actor(), mode), *child),
            sim.TrueValue(DistributionOf(parent->policy().actor(), mode),
                          parent->policy()) +
                0.02);
}

// Rewards that no choice has a part in. ATTUNE_OPE_RUNS sets the number of logs.
TEST_F(FromLogTest, ClaimsNothingWhereNothingCanBeGained) {
  const int runs = FromEnvironment("ATTUNE_OPE_RUNS", 4);
  const SimLogWorld sim(SimSetting::kPaper, kSeed, kUsers);
  const auto revision = sim.Uniform();
  int claims = 0;
  for (int run = 0; run < runs; ++run) {
    auto messages = sim.Log(*revision, 2000, kSeed + run);
    policy::Rng rng(kSeed + run);
    for (auto& one : messages) {
      one.mutable_feedback()->set_reward(rng.UnitFloat());
    }
    const auto log = ToLoggedSamples(messages, revision->policy()).value();
    const auto learned = LearnFromLog(revision->policy(), log, {});
    claims += learned.ok();
    if (learned.ok()) continue;
    EXPECT_THAT(learned, StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("no gain over the decisions")));
  }
  std::printf("%d of %d logs without effects are claimed to show a gain\n",
              claims, runs);
  EXPECT_LE(claims, runs / 10);
}

TEST_F(FromLogTest, RefusesWhatItCannotContinue) {
  const SimLogWorld sim(SimSetting::kPaper, kSeed, 40);
  const auto revision = sim.Uniform();
  auto log = sim.Log(*revision, 50, kSeed);
  TrainFromLogRun run{.logs = {WriteLog(log)},
                      .parent = WriteRevision(sim.UniformArtifact())};
  EXPECT_THAT(TrainFromLog(run), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("at least 100")));
  for (auto& one : log) one.set_revision("another");
  run.logs = {WriteLog(log)};
  EXPECT_THAT(TrainFromLog(run),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("took none of the decisions")));
  run.parent.clear();
  EXPECT_THAT(TrainFromLog(run), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("--parent")));
}

TEST_F(FromLogTest, ContinuesTheRevisionThatServesBeforeAny) {
  const SimLogWorld sim(SimSetting::kPaper, kSeed, 40);
  const auto uniform = policy::Revision::Uniform(
      sim.Uniform()->policy().shared_catalog(), policy::Readout::kLikelihood);
  const int dim = uniform->policy().encoder().StateDim();
  const int total = uniform->policy().catalog().TotalOptions();
  LinearScores scores{.state = policy::RowMajorMatrix::Zero(total, dim),
                      .earlier = Eigen::MatrixXf::Zero(total, total),
                      .bias = Eigen::VectorXf::Zero(total)};
  scores.bias[1] = 2.0F;
  const auto parts =
      AddScores({.manifest = uniform->manifest()}, scores,
                {.parent_revision = uniform->id(), .exploration_floor = 0.0});
  ASSERT_THAT(parts, IsOk());
  const auto child =
      policy::Revision::Load(policy::EncodeRevision(*parts).value()).value();
  const Eigen::VectorXf p =
      child->policy().actor().Probabilities(0, Eigen::VectorXf::Zero(dim), {});
  EXPECT_NEAR(p[1] / p[0], std::exp(2.0F), 1e-2F);
}

TEST_F(FromLogTest, ResidualsOfAnUnseenEffectReachItsOption) {
  // The belief saw rewards without any effect; the residuals have one of 0.2.
  const BeliefShape shape{{2}, 2, 0};
  policy::Rng rng(kSeed);
  std::vector<LoggedSample> samples(800);
  for (LoggedSample& one : samples) {
    one.state.resize(2);
    one.state << rng.UnitFloat(), rng.UnitFloat();
    one.options = {static_cast<int>(rng.Below(2))};
    one.propensities = {0.5F};
    one.reward = 0.4F + 0.02F * rng.UnitFloat();
  }
  std::vector<const LoggedSample*> pointers;
  for (const LoggedSample& one : samples) pointers.push_back(&one);
  const auto belief = FitBelief(shape, pointers);
  EXPECT_LT(
      ResidualEffects(*belief, shape, pointers, 20.0).lpNorm<Eigen::Infinity>(),
      0.002F);
  for (LoggedSample& one : samples) {
    if (one.options[0] == 1) one.reward += 0.2F;
  }
  const Eigen::VectorXf effects =
      ResidualEffects(*belief, shape, pointers, 20.0);
  EXPECT_NEAR(effects[1] - effects[0], 0.2F, 0.01F);
}

}  // namespace
}  // namespace attune::trainer
