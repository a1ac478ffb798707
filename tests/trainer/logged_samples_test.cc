// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/logged_samples.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/item_proto.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/sim_log.h"

namespace attune::trainer {
namespace {

using ::attune::testing::SimLogWorld;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 4;

class LoggedSamplesTest : public ::testing::Test {
 protected:
  LoggedSamplesTest()
      : sim_(SimSetting::kPaper, kSeed, 40),
        revision_(sim_.Uniform()),
        log_(sim_.Log(*revision_, 20, kSeed)) {}

  absl::StatusOr<LoggedSamples> Read() const {
    return ToLoggedSamples(log_, revision_->policy());
  }
  void Refused(const std::string& why) const {
    EXPECT_THAT(Read(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr(why)));
  }

  SimLogWorld sim_;
  std::shared_ptr<const policy::Revision> revision_;
  std::vector<v1::LoggedDecision> log_;
};

TEST_F(LoggedSamplesTest, TakesWhatWasLogged) {
  log_[1].set_user(log_[0].user());
  log_[2].clear_user();
  log_[3].clear_user();
  const LoggedSamples read = Read().value();
  ASSERT_EQ(read.samples.size(), 20u);
  EXPECT_EQ(read.samples[0].user, read.samples[1].user);
  EXPECT_NE(read.samples[2].user, read.samples[3].user);
  EXPECT_EQ(read.samples[5].reward, log_[5].feedback().reward());
  EXPECT_EQ(read.samples[5].options[1], log_[5].patterns(1).option());
  EXPECT_EQ(read.revisions.at(revision_->id()), 20);
}

TEST_F(LoggedSamplesTest, LeavesOutAndCountsWhatSaysNothing) {
  log_[0].clear_feedback();
  log_[1].set_mode(v1::DECISION_MODE_GREEDY);
  log_[2].set_catalog_digest("another");
  log_[3].set_readout(v1::READOUT_GENERATE);
  const LoggedSamples read = Read().value();
  EXPECT_EQ(read.samples.size(), 16u);
  EXPECT_EQ(read.without_reward, 1);
  EXPECT_EQ(read.greedy, 1);
  EXPECT_EQ(read.other_catalog, 1);
  EXPECT_EQ(read.other_readout, 1);
}

TEST_F(LoggedSamplesTest, CountsADecisionOfTwoExportsOnceWithItsReward) {
  v1::LoggedDecision before = log_[0];
  before.clear_feedback();
  log_.insert(log_.begin(), before);
  log_.push_back(before);
  const LoggedSamples read = Read().value();
  EXPECT_EQ(read.decisions, 20);
  EXPECT_EQ(read.samples.size(), 20u);
}

TEST_F(LoggedSamplesTest, RefusesOtherCatalogsByDigest) {
  for (v1::LoggedDecision& decision : log_) {
    decision.set_catalog_digest("another");
  }
  Refused(revision_->policy().catalog().digest);
}

TEST_F(LoggedSamplesTest, RefusesMissingPropensities) {
  log_[7].mutable_patterns(2)->set_propensity(0.0F);
  Refused("decision 7: patterns[2]: the propensity is missing");
}

TEST_F(LoggedSamplesTest, RefusesProbabilitiesThatDoNotFit) {
  log_[7].mutable_patterns(1)->set_propensity(0.9F);
  Refused("decision 7: patterns[1]: the probabilities do not fit");
  log_[7].mutable_patterns(1)->clear_probabilities();
  Refused("probabilities of 0 options");
}

TEST_F(LoggedSamplesTest, RefusesStatesOfAnotherEncoder) {
  log_[7].set_state_dim(7);
  Refused("its state has 7 numbers");
}

TEST_F(LoggedSamplesTest, RefusesStatesThatKnewNoItems) {
  log_[7].set_revision("uniform-12345678");
  Refused("decision 7: it was taken before any revision was pushed");
}

TEST_F(LoggedSamplesTest, EncodesLoggedRequestsAnew) {
  const Task task = sim_.world().MakeTask(3, 0, 0);
  policy::ItemsToProto(task.history, log_[7].mutable_history());
  policy::ItemsToProto(task.candidates, log_[7].mutable_candidates());
  log_[7].clear_state();
  log_[7].set_state_dim(7);
  const LoggedSamples read = Read().value();
  EXPECT_EQ(read.other_state, 1);
  EXPECT_EQ(read.samples[7].state, revision_->policy()
                                       .Encode({.history = task.history,
                                                .candidates = task.candidates})
                                       .value()
                                       .features);
}

TEST_F(LoggedSamplesTest, TellsEncodersApart) {
  const auto same = sim_.Random(policy::HeadsKind::kIndependent, 1.0F, 1);
  EXPECT_TRUE(CheckSameStates(revision_->policy(), same->manifest()).ok());
  const SimLogWorld other(SimSetting::kPaper, kSeed + 1, 40);
  EXPECT_THAT(
      CheckSameStates(
          revision_->policy(),
          other.Random(policy::HeadsKind::kIndependent, 1.0F, 1)->manifest()),
      StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(LoggedSamplesTest, NamesTheFile) {
  EXPECT_THAT(ReadLoggedSamples({"/nowhere.log"}, revision_->policy()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("nowhere")));
}

}  // namespace
}  // namespace attune::trainer
