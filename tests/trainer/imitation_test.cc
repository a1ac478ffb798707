// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/imitation.h"

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
#include "trainer/from_log.h"
#include "trainer/ope.h"
#include "trainer/statistics.h"
#include "trainer/train_from_log.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FromEnvironment;
using ::attune::testing::IsOk;
using ::attune::testing::SimCaller;
using ::attune::testing::SimLogWorld;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 21;
constexpr int kUsers = 600;
// Histories of simulated users have 5 to 50 items.
constexpr size_t kLongHistory = 20;

// A prompt as a person would write it: the third option of the history to users
// with a long one, no hint to the others.
std::vector<int> OwnChoice(const Task& task) {
  return task.history.size() > kLongHistory ? std::vector<int>{3, 1, 0, 0, 0}
                                            : std::vector<int>{1, 0, 0, 0, 0};
}

class ImitationTest : public LogFilesTest {};

struct Held {
  double agreement = 0.0;
  double own = 0.0;      // value of the caller's choices
  double greedy = 0.0;   // of the policy's most probable ones
  double sampled = 0.0;  // of those that it draws
  Interval gain;         // drawn ones over the caller's, by user
};

// On users that no log holds.
Held OnHeldOutUsers(const SimLogWorld& sim, const policy::Policy& policy) {
  const SimCaller caller = OwnChoice;
  const auto greedy =
      DistributionOf(policy.actor(), policy::DecisionMode::kGreedy);
  const auto sampled =
      DistributionOf(policy.actor(), policy::DecisionMode::kSample);
  Held held;
  std::vector<double> ours, theirs;
  const auto users = sim.world().HeldOutUsers();
  for (const int user : users) {
    const Task task = sim.world().MakeTask(user, 0, user);
    const Eigen::VectorXf state = SimLogWorld::StateOf(policy, task);
    policy::Rng unused(0);
    const policy::Choice choice =
        policy.actor().Decide(state, policy::DecisionMode::kGreedy, unused);
    std::vector<int> options;
    for (const auto& chosen : choice.patterns) options.push_back(chosen.option);
    held.agreement += options == OwnChoice(task);
    held.greedy += sim.UserValue(greedy, policy, user, 0);
    ours.push_back(sim.UserValue(sampled, policy, user, 0));
    theirs.push_back(sim.UserValue(caller, user, 0));
  }
  const auto count = static_cast<double>(users.size());
  held.agreement /= count;
  held.greedy /= count;
  held.own = Mean(theirs);
  held.sampled = Mean(ours);
  held.gain = PairedDifference(ours, theirs, kSeed);
  return held;
}

// ATTUNE_OPE_WORLDS sets the number of worlds.
TEST_F(ImitationTest, ServesAsTheCallerAndThenLearnsWhatIsBetter) {
  const int worlds = FromEnvironment("ATTUNE_OPE_WORLDS", 1);
  for (uint64_t seed = kSeed; seed < kSeed + worlds; ++seed) {
    SCOPED_TRACE(seed);
    const SimLogWorld sim(SimSetting::kPaper, seed, kUsers, "movies.yaml");
    const std::string parent = sim.UniformArtifact();
    const auto revision = policy::Revision::Load(parent).value();
    const int users = sim.world().num_train_users();
    const auto trained =
        TrainByImitation({.logs = {WriteLog(sim.ApprenticeLog(
                              *revision, OwnChoice, 2000, seed, users))},
                          .parent = WriteRevision(parent)});
    ASSERT_THAT(trained, IsOk());
    const auto child = policy::Revision::Load(trained->revision).value();
    const Held held = OnHeldOutUsers(sim, child->policy());
    const Estimate own = OwnValue(trained->log).value();
    std::printf(
        "agrees on %.3f of the choices (told %.3f, before %.3f); the caller's "
        "prompt earned %.4f [%.4f, %.4f]; true values: %.4f, greedy %.4f, "
        "sampled %.4f\n",
        held.agreement, trained->learned.agreement.whole_choice,
        trained->learned.before.whole_choice, own.value, own.low, own.high,
        held.own, held.greedy, held.sampled);
    EXPECT_GE(held.agreement, 0.9);
    EXPECT_NEAR(held.agreement, trained->learned.agreement.whole_choice, 0.05);
    const auto all =
        DistributionOf(child->policy().actor(), policy::DecisionMode::kGreedy);
    const double value = sim.TrueValue(all, child->policy());
    EXPECT_GE(value, own.low);
    EXPECT_LE(value, own.high);

    const auto next = TrainFromLog(
        {.logs = {WriteLog(sim.Log(*child, 5000, seed + 1, users))},
         .parent = WriteRevision(trained->revision)});
    ASSERT_THAT(next, IsOk());
    const auto grandchild = policy::Revision::Load(next->revision).value();
    const Held better = OnHeldOutUsers(sim, grandchild->policy());
    std::printf("continued: %.4f, over the caller's prompt %.4f [%.4f, %.4f]\n",
                better.sampled, better.gain.mean, better.gain.low,
                better.gain.high);
    EXPECT_GT(better.gain.low, 0.0);
  }
}

// Heads that do not see each other's options imitate as far as they can.
TEST_F(ImitationTest, ContinuesIndependentHeads) {
  const SimLogWorld sim(SimSetting::kPaper, kSeed, 200, "movies.yaml");
  const auto parent = sim.Random(policy::HeadsKind::kIndependent, 1.0F, 5);
  const auto log =
      ToLoggedSamples(sim.ApprenticeLog(*parent, OwnChoice, 600, kSeed),
                      parent->policy(), LogPart::kApprentice)
          .value();
  const auto learned = Imitate(parent->policy(), log, {});
  ASSERT_THAT(learned, IsOk());
  EXPECT_TRUE(learned->scores.earlier.isZero());
  EXPECT_GE(learned->agreement.whole_choice, 0.9);
  EXPECT_LT(learned->before.whole_choice, 0.5);
  ASSERT_EQ(learned->agreement.patterns.size(), 5u);
  for (const double share : learned->agreement.patterns) EXPECT_GE(share, 0.9);
}

TEST_F(ImitationTest, RefusesTooFewDecisionsAndCountsTheOthers) {
  const SimLogWorld sim(SimSetting::kPaper, kSeed, 40, "movies.yaml");
  const auto revision = sim.Uniform();
  auto log = sim.ApprenticeLog(*revision, OwnChoice, 50, kSeed);
  for (const auto& one : sim.Log(*revision, 300, kSeed)) log.push_back(one);
  const TrainFromLogRun run{.logs = {WriteLog(log)},
                            .parent = WriteRevision(sim.UniformArtifact())};
  EXPECT_THAT(TrainByImitation(run),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("50 of 350 decisions are the caller's own "
                                 "(apprentice mode)")));
}

TEST_F(ImitationTest, RewardsAreNotNeeded) {
  const SimLogWorld sim(SimSetting::kPaper, kSeed, 40, "movies.yaml");
  const auto revision = sim.Uniform();
  auto log = sim.ApprenticeLog(*revision, OwnChoice, 150, kSeed);
  for (auto& one : log) one.clear_feedback();
  const auto trained =
      TrainByImitation({.logs = {WriteLog(log)},
                        .parent = WriteRevision(sim.UniformArtifact())});
  ASSERT_THAT(trained, IsOk());
  EXPECT_FALSE(OwnValue(trained->log).has_value());
}

class ApprenticeLogTest : public ::testing::Test {
 protected:
  ApprenticeLogTest()
      : sim_(SimSetting::kPaper, kSeed, 200, "movies.yaml"),
        revision_(sim_.Uniform()),
        target_(sim_.Random(policy::HeadsKind::kIndependent, 0.4F, 9)) {}

  absl::StatusOr<OpeReport> Value(const std::vector<v1::LoggedDecision>& log) {
    const policy::Policy& policy = target_->policy();
    return ValueOnLog(
        ShapeOf(policy), ToLoggedSamples(log, policy).value(),
        DistributionOf(policy.actor(), policy::DecisionMode::kSample), {}, {});
  }

  const SimLogWorld sim_;
  const std::shared_ptr<const policy::Revision> revision_;
  const std::shared_ptr<const policy::Revision> target_;
};

TEST_F(ApprenticeLogTest, SupportsNoOtherPolicysValue) {
  const auto log = sim_.ApprenticeLog(*revision_, OwnChoice, 1000, kSeed);
  EXPECT_THAT(Value(log),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("no support: all 1000 decisions")));
  const auto samples = ToLoggedSamples(log, revision_->policy()).value();
  EXPECT_THAT(LearnFromLog(revision_->policy(), samples, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("1000 are the caller's own (apprentice mode), "
                                 "which --imitate learns from")));
}

TEST_F(ApprenticeLogTest, ChangesNoEstimateOfAMixedLog) {
  auto log = sim_.Log(*revision_, 1500, kSeed);
  const auto alone = Value(log);
  ASSERT_THAT(alone, IsOk());
  EXPECT_FALSE(alone->own.has_value());
  double earned = 0.0;
  for (auto& one : sim_.ApprenticeLog(*revision_, OwnChoice, 500, kSeed)) {
    earned += one.feedback().reward() / 500.0;
    log.insert(log.begin(), one);
  }
  const auto mixed = Value(log);
  ASSERT_THAT(mixed, IsOk());
  EXPECT_EQ(mixed->estimates[2].value.value, alone->estimates[2].value.value);
  EXPECT_EQ(mixed->estimates[2].value.low, alone->estimates[2].value.low);
  EXPECT_NEAR(mixed->own->value, earned, 1e-6);
  EXPECT_LT(mixed->own->low, mixed->own->high);
}

TEST_F(ApprenticeLogTest, IsReadApart) {
  auto log = sim_.ApprenticeLog(*revision_, OwnChoice, 10, kSeed);
  for (auto& one : sim_.Log(*revision_, 7, kSeed)) log.push_back(one);
  log[0].clear_feedback();
  log[1].set_readout(v1::READOUT_GENERATE);
  const auto own =
      ToLoggedSamples(log, revision_->policy(), LogPart::kApprentice).value();
  EXPECT_EQ(own.samples.size(), 9u);
  EXPECT_EQ(own.sampled, 7);
  EXPECT_EQ(own.apprentice, 9);
  EXPECT_EQ(own.own.rewards.size(), 8u);
  const auto drawn = ToLoggedSamples(log, revision_->policy()).value();
  EXPECT_EQ(drawn.samples.size(), 7u);
  EXPECT_EQ(drawn.apprentice, 9);
  EXPECT_EQ(drawn.without_reward, 0);
  EXPECT_LE(drawn.users, 7);
}

TEST_F(ApprenticeLogTest, IsRefusedWithAnotherPropensityThanOne) {
  auto log = sim_.ApprenticeLog(*revision_, OwnChoice, 10, kSeed);
  log[3].mutable_patterns(2)->set_propensity(0.25F);
  EXPECT_THAT(ToLoggedSamples(log, revision_->policy(), LogPart::kApprentice),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("decision own 3: patterns[2]")));
}

}  // namespace
}  // namespace attune::trainer
