// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_record.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/convert.h"
#include "tests/testing/policy_builders.h"

namespace attune::server {
namespace {

using policy::HeadsKind;

std::string BytesOf(const DecisionRecord& record) {
  v1::LoggedDecision proto;
  RecordToProto(record, &proto);
  return proto.SerializeAsString();
}

class MakeRecordTest : public ::testing::TestWithParam<HeadsKind> {
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

TEST_P(MakeRecordTest, GivesTheWriterWhatItWouldCompute) {
  for (const auto mode : {v1::DECISION_MODE_SAMPLE, v1::DECISION_MODE_GREEDY}) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
      auto decision =
          revision_->policy().Decide({.history = history_,
                                      .candidates = candidates_,
                                      .mode = *DecisionModeFromProto(mode),
                                      .seed = seed});
      ASSERT_TRUE(decision.ok()) << decision.status();
      DecisionRecord record =
          MakeRecord(revision_, mode, candidates_, &*decision);
      ASSERT_EQ(record.option_probabilities.size(),
                revision_->policy().catalog().TotalOptions());
      const std::string given = BytesOf(record);
      record.option_probabilities.clear();
      EXPECT_EQ(given, BytesOf(record)) << "seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllKinds, MakeRecordTest,
                         ::testing::Values(HeadsKind::kUniform,
                                           HeadsKind::kIndependent,
                                           HeadsKind::kAutoregressive));

}  // namespace
}  // namespace attune::server
