// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "policy/logged_decisions.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/redis_process.h"
#include "tests/testing/status_matchers.h"

namespace attune::trainer {
namespace {

using ::attune::server::TempDir;
using ::attune::testing::IsOk;
using ::attune::testing::RedisProcess;
using ::attune::testing::StatusIs;

constexpr int64_t kNow = 1764000000;

v1::LoggedDecision Decision(const std::string& id, int64_t seconds = kNow) {
  v1::LoggedDecision decision;
  decision.set_decision_id(id);
  decision.mutable_decide_time()->set_seconds(seconds);
  decision.set_revision("revision");
  decision.add_patterns()->set_option(1);
  return decision;
}

v1::LoggedDecision Feedback(const std::string& id, float reward,
                            int64_t recorded = kNow) {
  v1::LoggedDecision feedback;
  feedback.set_decision_id(id);
  feedback.mutable_decide_time()->set_seconds(kNow);
  feedback.mutable_feedback()->set_reward(reward);
  feedback.mutable_feedback()->mutable_record_time()->set_seconds(recorded);
  return feedback;
}

class CollectorTest : public ::testing::Test {
 protected:
  void Put(const v1::LoggedDecision& record) {
    redis_.Run({"XADD", "attune:feedback", "*", "decision",
                record.decision_id(), "record", record.SerializeAsString()});
  }
  Collector Make(const std::string& consumer = "collector") {
    return Collector({.redis = redis_.options(),
                      .consumer = consumer,
                      .dead_after = absl::ZeroDuration()});
  }
  absl::StatusOr<CollectedLog::Counts> Collect(
      absl::Time oldest = absl::UnixEpoch()) {
    return Make().Collect(path_, oldest);
  }
  int64_t LeftInStream() {
    return redis_.Run({"XLEN", "attune:feedback"}).Int().value();
  }
  std::vector<v1::LoggedDecision> Read(const std::string& path) {
    std::vector<v1::LoggedDecision> records;
    auto reader = policy::LoggedDecisionReader::Open(path);
    EXPECT_THAT(reader, IsOk());
    v1::LoggedDecision record;
    while (reader.ok() && reader->Next(&record).value()) {
      records.push_back(record);
    }
    return records;
  }

  const TempDir dir_;
  const std::string path_ = dir_.path() + "/log";
  RedisProcess redis_;
};

TEST_F(CollectorTest, JoinsWhatComesApartAndInAnyOrder) {
  Put(Feedback("a", 0.25F));
  Put(Decision("b"));
  Put(Decision("a"));
  Put(Decision("c"));
  auto counts = Collect();
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->decisions, 3);
  EXPECT_EQ(counts->with_feedback, 1);
  EXPECT_EQ(LeftInStream(), 0);
  Put(Feedback("b", 0.5F));
  Put(Feedback("d", 1.0F));
  counts = Collect();
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->decisions, 3);
  EXPECT_EQ(counts->with_feedback, 2);
  EXPECT_EQ(counts->waiting, 1);
  Put(Decision("d"));
  counts = Collect();
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->waiting, 0);
  const auto records = Read(path_);
  ASSERT_EQ(records.size(), 4u);
  for (const v1::LoggedDecision& record : records) {
    EXPECT_EQ(record.revision(), "revision");
    EXPECT_EQ(record.has_feedback(), record.decision_id() != "c");
  }
  EXPECT_EQ(records[0].feedback().reward(), 0.25F);
}

TEST_F(CollectorTest, WhatComesTwiceCountsOnceAndTheFirstFeedbackStays) {
  Put(Decision("a"));
  Put(Feedback("a", 0.75F, kNow + 5));
  ASSERT_THAT(Collect(), IsOk());
  Put(Decision("a"));
  Put(Feedback("a", 0.75F, kNow + 5));
  Put(Feedback("a", 0.25F, kNow + 1));
  Put(Feedback("a", 0.5F, kNow + 9));
  const auto counts = Collect();
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->repeated, 4);
  const auto records = Read(path_);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].feedback().reward(), 0.25F);
}

TEST_F(CollectorTest, NothingIsAcknowledgedBeforeItIsSaved) {
  for (int i = 0; i < 1200; ++i) Put(Decision(std::to_string(i)));
  // A directory is in the way of the file.
  std::filesystem::create_directories(path_ + "/x");
  EXPECT_FALSE(Collect().ok());
  EXPECT_EQ(LeftInStream(), 1200);
  std::filesystem::remove_all(path_);
  // Its own entries again, and those of one that died.
  ASSERT_THAT(
      Make("another").Collect(dir_.path() + "/other", absl::UnixEpoch()),
      IsOk());
  EXPECT_EQ(Read(dir_.path() + "/other").size(), 1200u);
  EXPECT_EQ(LeftInStream(), 0);
}

TEST_F(CollectorTest, BeginsWithWhatItHadWhenItDied) {
  Put(Decision("a"));
  std::filesystem::create_directories(path_ + "/x");
  EXPECT_FALSE(Collect().ok());
  std::filesystem::remove_all(path_);
  Put(Decision("b"));
  const auto counts = Collect();
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->decisions, 2);
  EXPECT_EQ(LeftInStream(), 0);
}

// One that died between deleting and acknowledging.
TEST_F(CollectorTest, AcknowledgesWhatIsDeletedAlready) {
  Put(Decision("a"));
  redis_.Run({"XGROUP", "CREATE", "attune:feedback", "trainer", "0"});
  redis_.Run({"XREADGROUP", "GROUP", "trainer", "collector", "STREAMS",
              "attune:feedback", ">"});
  redis_.Run({"XTRIM", "attune:feedback", "MAXLEN", "0"});
  Put(Decision("b"));
  const auto counts = Collect();
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(counts->decisions, 1);
  const auto pending =
      redis_.Run({"XPENDING", "attune:feedback", "trainer"}).TakeList().value();
  EXPECT_EQ(pending[0].Int().value(), 0);
}

TEST_F(CollectorTest, PassesOverDamageAndForgetsWhatIsOld) {
  redis_.Run(
      {"XADD", "attune:feedback", "*", "decision", "x", "record", "\xff\xff"});
  redis_.Run({"XADD", "attune:feedback", "*", "nonsense", "y"});
  Put(Decision("old", kNow - 100));
  Put(Decision("new"));
  Collector collector = Make();
  const auto counts =
      collector.Collect(path_, absl::FromUnixSeconds(kNow - 50));
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(collector.damaged(), 2);
  EXPECT_EQ(counts->aged, 1);
  EXPECT_EQ(counts->decisions, 1);
  EXPECT_EQ(LeftInStream(), 0);
}

TEST_F(CollectorTest, SaysWhatIsWrong) {
  std::ofstream(path_) << "not a log";
  EXPECT_THAT(Collect(), StatusIs(absl::StatusCode::kInvalidArgument));
  std::filesystem::remove(path_);
  redis_.Run({"SET", "attune:feedback", "no stream"});
  EXPECT_THAT(Collect(), StatusIs(absl::StatusCode::kFailedPrecondition));
  redis_.Kill();
  EXPECT_THAT(Collect(), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace attune::trainer
