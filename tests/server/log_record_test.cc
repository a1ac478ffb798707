// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "attune/v1/prompt_service.pb.h"
#include "server/wire.h"
#include "tests/server/log_builders.h"
#include "tests/testing/policy_builders.h"

namespace attune::server {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

v1::LoggedDecision RecordOf(const DecisionToLog& source) {
  std::string bytes;
  AppendRecord(source, &bytes);
  v1::LoggedDecision record;
  EXPECT_TRUE(record.ParseFromString(bytes));
  // What is not read, or is written twice, would not come back alike.
  EXPECT_EQ(record.SerializeAsString().size(), bytes.size());
  return record;
}

TEST(AppendRecordTest, WritesWhatATrainerNeeds) {
  const auto items = LogItems();
  const policy::Decision decision = LogDecision(3);
  const auto record = RecordOf(
      {.revision = *LogRevision(), .decision = decision, .candidates = items});
  const policy::Catalog& catalog = LogRevision()->policy().catalog();
  EXPECT_EQ(record.revision(), LogRevision()->id());
  EXPECT_EQ(record.catalog_digest(), catalog.digest);
  EXPECT_EQ(record.mode(), v1::DECISION_MODE_SAMPLE);
  EXPECT_EQ(record.readout(), v1::READOUT_LIKELIHOOD);
  EXPECT_EQ(record.role(), v1::DECISION_ROLE_ACTIVE);
  EXPECT_EQ(record.history_length(), 3);
  EXPECT_THAT(record.state(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(record.state_dim(), 8);
  EXPECT_THAT(record.displayed_item_ids(),
              ElementsAre("item-b", "item-a", "item-c"));
  ASSERT_THAT(record.patterns(), SizeIs(catalog.patterns.size()));
  for (int k = 0; k < record.patterns_size(); ++k) {
    const v1::LoggedPattern& pattern = record.patterns(k);
    const int n = static_cast<int>(catalog.patterns[k].options.size());
    EXPECT_EQ(pattern.option(), n - 1);
    EXPECT_EQ(pattern.propensity(), 1.0F / static_cast<float>(n));
    EXPECT_THAT(pattern.probabilities(),
                ElementsAreArray(std::vector<float>(n, pattern.propensity())));
  }
  EXPECT_TRUE(record.history().empty());
}

TEST(AppendRecordTest, KeepsTheRequestIfItIsGiven) {
  v1::GetPromptRequest request;
  request.add_history()->set_item_id("h1");
  request.add_candidates()->set_item_id("c1");
  request.set_user_id("u");
  const std::string bytes = request.SerializeAsString();
  const auto items = LogItems();
  const policy::Decision decision = LogDecision(3);
  const auto record = RecordOf({.revision = *LogRevision(),
                                .decision = decision,
                                .candidates = items,
                                .request = bytes});
  ASSERT_THAT(record.history(), SizeIs(1));
  EXPECT_EQ(record.history(0).item_id(), "h1");
  ASSERT_THAT(record.candidates(), SizeIs(1));
  EXPECT_EQ(record.candidates(0).item_id(), "c1");
}

// Such a field is an unknown one to Protobuf, so the request is good.
TEST(AppendRecordTest, LeavesOutFieldsOfAnotherType) {
  v1::GetPromptRequest request;
  request.set_user_id("a-name-that-must-not-be-kept");
  std::string bytes = request.SerializeAsString();
  WireWriter writer(&bytes);
  writer.NumberAlways(v1::GetPromptRequest::kHistoryFieldNumber, 1);
  writer.NumberAlways(v1::GetPromptRequest::kCandidatesFieldNumber, 1);
  ASSERT_TRUE(request.ParseFromString(bytes));
  const auto items = LogItems();
  const policy::Decision decision = LogDecision(3);
  std::string record;
  AppendRecord({.revision = *LogRevision(),
                .decision = decision,
                .candidates = items,
                .request = bytes},
               &record);
  EXPECT_THAT(record, Not(HasSubstr(request.user_id())));
}

TEST(AppendRecordTest, NamesTheDecisionThatAShadowFollows) {
  const auto items = LogItems();
  const policy::Decision decision = LogDecision(3);
  const DecisionId served = IdOf(7);
  const auto record = RecordOf({.revision = *LogRevision(),
                                .decision = decision,
                                .candidates = items,
                                .mode = v1::DECISION_MODE_GREEDY,
                                .role = TrafficRole::kShadow,
                                .served_decision_id = &served});
  EXPECT_EQ(record.mode(), v1::DECISION_MODE_GREEDY);
  EXPECT_EQ(record.role(), v1::DECISION_ROLE_SHADOW);
  EXPECT_EQ(record.served_decision_id(), "07" + std::string(28, '0') + "01");
}

class MadeRecordTest : public ::testing::TestWithParam<policy::HeadsKind> {
 protected:
  const std::shared_ptr<const policy::Revision> revision_ =
      policy::Revision::Load(
          policy::EncodeRevision(testing::MakeRevisionParts(
                                     testing::kSmallCatalogYaml, GetParam(), 3))
              .value())
          .value();
  const std::vector<policy::Item> history_ = testing::SampleHistory(5);
  const std::vector<policy::Item> candidates_ = testing::SampleCandidates(10);
};

TEST_P(MadeRecordTest, HasTheAgentsProbabilitiesAndTheDisplayedOrder) {
  const policy::Policy& policy = revision_->policy();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto decision =
        policy.Decide({.history = history_,
                       .candidates = candidates_,
                       .mode = seed % 2 == 0 ? policy::DecisionMode::kSample
                                             : policy::DecisionMode::kGreedy,
                       .seed = seed});
    ASSERT_TRUE(decision.ok()) << decision.status();
    const auto record = RecordOf({.revision = *revision_,
                                  .decision = *decision,
                                  .candidates = candidates_});
    std::vector<int> earlier;
    for (int k = 0; k < record.patterns_size(); ++k) {
      const Eigen::VectorXf all =
          policy.actor().Probabilities(k, decision->state.features, earlier);
      EXPECT_THAT(record.patterns(k).probabilities(),
                  ElementsAreArray(all.data(), all.size()))
          << "seed " << seed;
      earlier.push_back(record.patterns(k).option());
    }
    for (int i = 0; i < record.displayed_item_ids_size(); ++i) {
      EXPECT_EQ(record.displayed_item_ids(i),
                candidates_[decision->permutation.CandidateAt(i)].id);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllKinds, MadeRecordTest,
                         ::testing::Values(policy::HeadsKind::kUniform,
                                           policy::HeadsKind::kIndependent,
                                           policy::HeadsKind::kAutoregressive));

}  // namespace
}  // namespace attune::server
