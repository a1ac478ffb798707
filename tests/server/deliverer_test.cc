// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/deliverer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "tests/server/log_builders.h"
#include "tests/server/redis_contents.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/redis_process.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::FreePort;
using ::attune::testing::IsOk;
using ::attune::testing::RedisProcess;
using ::attune::testing::StatusIs;
using Code = absl::StatusCode;

// One log, delivered when the test says so.
class DelivererTest : public ::testing::Test {
 protected:
  DelivererTest() {
    options_.store.path = dir_.path() + "/decisions.db";
    options_.clock = [] { return kLogNow; };
    Reopen();
  }

  void Reopen() {
    log_.reset();
    log_ = DecisionLog::Open(options_).value();
    deliverer_ = nullptr;
  }
  Deliverer& deliverer() {
    if (deliverer_ == nullptr) {
      settings_.connection = redis_.options();
      settings_.connection.backoff = {.least = absl::ZeroDuration(),
                                      .most = absl::ZeroDuration()};
      settings_.connection.command_timeout = absl::Milliseconds(500);
      deliverer_ = std::make_unique<Deliverer>(Deliverer::Options{
          settings_, &stats_, log_.get(), [] { return kLogNow; }});
    }
    return *deliverer_;
  }

  // Decisions with feedback, from number `first`.
  void Record(int first, int count, const UserPseudonym& user = UserOf('a')) {
    for (int i = first; i < first + count; ++i) {
      log_->Enqueue(MakeDecision(i, user));
      log_->RecordFeedback(MakeFeedback(i, 0.5F, user),
                           [](auto result) { EXPECT_TRUE(result.ok()); });
    }
    log_->Flush();
  }

  // How often the stream has each decision and each feedback.
  struct Counts {
    std::map<std::string, int> decisions;
    std::map<std::string, int> feedback;
    int doubled = 0;
  };
  Counts Stream() {
    Counts counts;
    for (const auto& record : StreamOf(redis_)) {
      auto& part = record.has_feedback() ? counts.feedback : counts.decisions;
      if (++part[record.decision_id()] > 1) ++counts.doubled;
    }
    return counts;
  }
  void ExpectWhole(int decisions, int doubled) {
    const Counts counts = Stream();
    EXPECT_EQ(static_cast<int>(counts.decisions.size()), decisions);
    EXPECT_EQ(static_cast<int>(counts.feedback.size()), decisions);
    EXPECT_EQ(counts.doubled, doubled);
  }

  const TempDir dir_;
  RedisProcess redis_;
  DecisionLog::Options options_;
  std::unique_ptr<DecisionLog> log_;
  RedisSettings settings_;
  RedisStats stats_;
  std::unique_ptr<Deliverer> deliverer_;
};

TEST_F(DelivererTest, DeliversEachOnceAcrossRestarts) {
  Record(0, 700);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(700, 0);
  Reopen();
  Record(700, 10);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(710, 0);
  EXPECT_EQ(stats_.delivered_feedback, 710);
  EXPECT_EQ(stats_.delivered_decisions, 710);
  EXPECT_EQ(stats_.outbox_records, 0);
}

TEST_F(DelivererTest, ADecisionIsWholeAndItsFeedbackAlone) {
  Record(0, 1);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  const auto records = StreamOf(redis_);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].feedback().reward(), 0.5F);
  EXPECT_EQ(records[0].patterns_size(), 0);
  EXPECT_EQ(records[0].user(), BytesOf(UserOf('a')));
  EXPECT_FALSE(records[1].has_feedback());
  EXPECT_EQ(records[1].revision(), LogRevision()->id());
  EXPECT_EQ(records[1].state_size(), 5);
}

TEST_F(DelivererTest, WhatRedisLosesIsDeliveredAgain) {
  Record(0, 300);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  redis_.Run({"FLUSHALL"});
  // Also if nothing new comes.
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(300, 0);
  redis_.Run({"FLUSHALL"});
  Record(300, 10);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(310, 0);
  // Without a file it has forgotten everything.
  redis_.Kill();
  EXPECT_THAT(deliverer().DeliverAll(), StatusIs(Code::kUnavailable));
  redis_.Start();
  Record(310, 10);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(320, 0);
}

TEST_F(DelivererTest, NothingIsDoubledWhenAnAnswerIsLost) {
  Record(0, 300);
  // Redis gets the script, and answers when nobody waits any more.
  redis_.Run({"CLIENT", "PAUSE", "1200", "ALL"});
  EXPECT_THAT(deliverer().DeliverAll(), StatusIs(Code::kUnavailable));
  redis_.Pause();
  EXPECT_THAT(deliverer().DeliverAll(), StatusIs(Code::kUnavailable));
  redis_.Resume();
  absl::Status status;
  do {
    status = deliverer().DeliverAll();
  } while (absl::IsUnavailable(status));
  ASSERT_THAT(status, IsOk());
  ExpectWhole(300, 0);
}

TEST_F(DelivererTest, WaitsWhileTheStreamIsFull) {
  settings_.max_stream_records = 100;
  Record(0, 90);
  // All feedback; decisions do not fit any more.
  EXPECT_THAT(deliverer().DeliverAll(), StatusIs(Code::kResourceExhausted));
  EXPECT_TRUE(stats_.stream_full);
  EXPECT_EQ(Stream().feedback.size(), 90u);
  EXPECT_EQ(Stream().decisions.size(), 0u);
  EXPECT_EQ(stats_.outbox_records, 90);
  redis_.Run({"XTRIM", "attune:feedback", "MAXLEN", "0"});
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  EXPECT_FALSE(stats_.stream_full);
  EXPECT_EQ(Stream().decisions.size(), 90u);
}

TEST_F(DelivererTest, WaitsWhileRedisIsFullOrReadOnlyOrRefuses) {
  Record(0, 10);
  redis_.Run({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_THAT(deliverer().DeliverAll(), StatusIs(Code::kResourceExhausted));
  redis_.Run({"CONFIG", "SET", "maxmemory", "0"});
  redis_.Run({"REPLICAOF", "127.0.0.1", std::to_string(FreePort())});
  EXPECT_THAT(deliverer().DeliverAll(), StatusIs(Code::kFailedPrecondition));
  redis_.Run({"REPLICAOF", "NO", "ONE"});
  redis_.Run({"ACL", "SETUSER", "default", "-eval"});
  EXPECT_THAT(deliverer().DeliverAll(), StatusIs(Code::kPermissionDenied));
  redis_.Run({"ACL", "SETUSER", "default", "+eval"});
  EXPECT_EQ(stats_.outbox_records, 20);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(10, 0);
  EXPECT_EQ(stats_.outbox_records, 0);
}

TEST_F(DelivererTest, WhoWasErasedIsNotDeliveredAndHoldsUpNothing) {
  Record(0, 10, UserOf('a'));
  Record(10, 10, UserOf('b'));
  log_->Forget(UserOf('b'), [](auto erased) { EXPECT_TRUE(erased.ok()); });
  log_->Flush();
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(10, 0);
  // The numbers of the erased ones do not come again.
  Reopen();
  Record(20, 5, UserOf('c'));
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(15, 0);
}

TEST_F(DelivererTest, WhatComesAfterALogWasPutBackFromACopyIsDelivered) {
  Record(0, 10);
  log_->Stop();
  std::filesystem::copy_file(options_.store.path, dir_.path() + "/copy");
  Reopen();
  Record(10, 10);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  log_->Stop();
  std::filesystem::rename(dir_.path() + "/copy", options_.store.path);
  Reopen();
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  Record(20, 10);
  ASSERT_THAT(deliverer().DeliverAll(), IsOk());
  ExpectWhole(30, 0);
}

TEST_F(DelivererTest, HandsOverWhatIsLeftWhenItStops) {
  deliverer().Start();
  Record(0, 300);
  log_->Stop();
  deliverer().Stop(absl::Seconds(30));
  ExpectWhole(300, 0);
}

}  // namespace
}  // namespace attune::server
