// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/decision_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "server/error_reason.h"
#include "server/log.h"
#include "tests/server/fault_vfs.h"
#include "tests/server/log_builders.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

using Answer = std::future<absl::StatusOr<FeedbackResult>>;

class DecisionLogTest : public ::testing::Test {
 protected:
  DecisionLogTest() {
    SetLogLevel(LogLevel::kOff);
    options_.store.path = dir_.path() + "/decisions.db";
    options_.store.vfs = vfs_.name();
    options_.clock = [] { return kLogNow; };
    // Only what a test does makes the writer move.
    options_.flush_interval = absl::Hours(1);
  }

  std::unique_ptr<DecisionLog> Open() {
    auto log = DecisionLog::Open(options_);
    EXPECT_THAT(log.status(), IsOk());
    return log.ok() ? *std::move(log) : nullptr;
  }
  static Answer Send(DecisionLog& log, FeedbackRecord record) {
    auto promise =
        std::make_shared<std::promise<absl::StatusOr<FeedbackResult>>>();
    Answer answer = promise->get_future();
    log.RecordFeedback(std::move(record), [promise](auto result) {
      promise->set_value(std::move(result));
    });
    return answer;
  }
  static absl::StatusOr<v1::ForgetUserResponse> Forget(
      DecisionLog& log, const UserPseudonym& user) {
    std::promise<absl::StatusOr<v1::ForgetUserResponse>> promise;
    log.Forget(user,
               [&](auto erased) { promise.set_value(std::move(erased)); });
    return promise.get_future().get();
  }
  // Enqueues them, each of `bytes` if those are given, and says whether they
  // were written.
  static bool Writes(DecisionLog& log, int decisions, size_t bytes = 0) {
    const int64_t before = log.stats().decisions_written;
    for (int i = 0; i < decisions; ++i) {
      DecisionRecord record = MakeDecision(i);
      if (bytes > 0) record.bytes.assign(bytes, 'x');
      log.Enqueue(std::move(record));
    }
    log.Flush();
    return log.stats().decisions_written == before + decisions;
  }
  std::string Bytes() {
    return ReadFile(options_.store.path) +
           ReadFile(options_.store.path + "-wal");
  }

  const TempDir dir_;
  FaultVfs vfs_;
  DecisionLog::Options options_;
};

TEST_F(DecisionLogTest, FlushWritesWhatWasEnqueued) {
  auto log = Open();
  for (int i = 0; i < 10000; ++i) log->Enqueue(MakeDecision(i));
  log->Flush();
  EXPECT_EQ(log->stats().decisions_written, 10000);
  EXPECT_EQ(log->stats().queued_decisions, 0);
  EXPECT_THAT(ReadAll(options_.store.path), SizeIs(10000));
}

TEST_F(DecisionLogTest, StopWritesWhatWaitsAndEmptiesTheWriteAheadLog) {
  auto log = Open();
  for (int i = 0; i < 100; ++i) log->Enqueue(MakeDecision(i));
  log->Stop();
  EXPECT_EQ(ReadFile(options_.store.path + "-wal"), "");
  EXPECT_THAT(ReadAll(options_.store.path), SizeIs(100));
  EXPECT_EQ(ReasonOf(Send(*log, MakeFeedback(1)).get().status()),
            "LOG_STOPPED");
  EXPECT_THAT(Forget(*log, UserOf('a')),
              StatusIs(absl::StatusCode::kUnavailable));
  log->Flush();  // does not hang
}

TEST_F(DecisionLogTest, KeepsTheWriteAheadLogShortWithoutBeingTold) {
  auto log = Open();
  DecisionRecord record = MakeDecision(1);
  record.bytes.assign(size_t{1} << 20, 'x');
  log->Enqueue(record);
  vfs_.HoldSyncs();
  std::thread flush([&] { log->Flush(); });
  vfs_.AwaitHeldSync();  // the commit's
  EXPECT_LT(std::filesystem::file_size(options_.store.path), size_t{1} << 20);
  vfs_.ReleaseSyncs();
  flush.join();
  while (std::filesystem::file_size(options_.store.path) < size_t{1} << 20) {
    std::this_thread::yield();
  }
  EXPECT_THAT(ReadAll(options_.store.path), SizeIs(1));
}

TEST_F(DecisionLogTest, AFeedbackIsOnDiskWhenItIsAnswered) {
  auto log = Open();
  log->Enqueue(MakeDecision(1));
  ASSERT_THAT(Send(*log, MakeFeedback(1)).get(), IsOk());
  const auto all = ReadAll(options_.store.path);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_TRUE(all[0].has_feedback());
}

TEST_F(DecisionLogTest, AFeedbackIsNotAnsweredBeforeItsSync) {
  auto log = Open();
  vfs_.HoldSyncs();
  Answer answer = Send(*log, MakeFeedback(1));
  vfs_.AwaitHeldSync();
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)),
            std::future_status::timeout);
  vfs_.ReleaseSyncs();
  EXPECT_THAT(answer.get(), IsOk());
}

// While one commit syncs, whatever comes gathers and is one commit more.
TEST_F(DecisionLogTest, GathersFeedbackIntoOneCommit) {
  auto log = Open();
  vfs_.HoldSyncs();
  std::vector<Answer> answers;
  answers.push_back(Send(*log, MakeFeedback(0)));
  vfs_.AwaitHeldSync();
  for (int i = 1; i < 500; ++i) answers.push_back(Send(*log, MakeFeedback(i)));
  vfs_.ReleaseSyncs();
  for (Answer& answer : answers) EXPECT_THAT(answer.get(), IsOk());
  EXPECT_EQ(log->stats().commits, 2);
  EXPECT_EQ(log->stats().feedback_recorded, 500);
}

TEST_F(DecisionLogTest, CountsARepeatInTheSameCommitOnce) {
  auto log = Open();
  vfs_.HoldSyncs();
  Answer busy = Send(*log, MakeFeedback(0));
  vfs_.AwaitHeldSync();
  Answer first = Send(*log, MakeFeedback(1, 0.25F));
  Answer second = Send(*log, MakeFeedback(1, 1.0F));
  vfs_.ReleaseSyncs();
  EXPECT_FALSE(first.get()->duplicate);
  const auto repeated = second.get();
  ASSERT_THAT(repeated, IsOk());
  EXPECT_TRUE(repeated->duplicate);
  EXPECT_EQ(repeated->reward, 0.25F);
  EXPECT_EQ(log->stats().feedback_duplicate, 1);
}

TEST_F(DecisionLogTest, DropsAndCountsDecisionsWhenItsQueueIsFull) {
  options_.queue_capacity = 8;
  auto log = Open();
  for (int i = 0; i < 20; ++i) log->Enqueue(MakeDecision(i));
  EXPECT_EQ(log->stats().decisions_dropped_full, 12);
  log->Flush();
  EXPECT_EQ(log->stats().decisions_written, 8);
  EXPECT_TRUE(log->is_healthy());
}

// While the writer waits for the disk. A record that is taken gives its bytes
// back.
TEST_F(DecisionLogTest, DropsAndCountsDecisionsWhenTooManyBytesWait) {
  DecisionRecord record = MakeDecision(1);
  record.bytes.assign(1000, 'x');
  options_.queue_bytes = 8 * 1000 + 999;
  auto log = Open();
  for (int round = 1; round <= 3; ++round) {
    vfs_.HoldSyncs();
    Answer busy = Send(*log, MakeFeedback(round));
    vfs_.AwaitHeldSync();
    for (int i = 0; i < 20; ++i) log->Enqueue(record);
    EXPECT_EQ(log->stats().queued_decisions, 8);
    EXPECT_EQ(log->stats().decisions_dropped_full, round * 12);
    vfs_.ReleaseSyncs();
    EXPECT_THAT(busy.get(), IsOk());
    log->Flush();
    EXPECT_EQ(log->stats().decisions_written, round * 8);
  }
}

TEST_F(DecisionLogTest, RefusesFeedbackWhenTooManyWait) {
  options_.feedback_capacity = 2;
  auto log = Open();
  vfs_.HoldSyncs();
  Answer busy = Send(*log, MakeFeedback(0));
  vfs_.AwaitHeldSync();
  Answer one = Send(*log, MakeFeedback(1));
  Answer two = Send(*log, MakeFeedback(2));
  const auto three = Send(*log, MakeFeedback(3)).get();
  EXPECT_THAT(three, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(three.status()), "FEEDBACK_QUEUE_FULL");
  vfs_.ReleaseSyncs();
  EXPECT_THAT(two.get(), IsOk());
}

TEST_F(DecisionLogTest, AFullDiskIsAnErrorUntilThereIsSpace) {
  std::vector<bool> health;
  options_.on_health = [&](bool healthy) { health.push_back(healthy); };
  auto log = Open();
  vfs_.Fail(FaultVfs::Op::kWrite, SQLITE_FULL);
  log->Enqueue(MakeDecision(1));
  EXPECT_EQ(ReasonOf(Send(*log, MakeFeedback(1)).get().status()),
            "LOG_DISK_FULL");
  EXPECT_FALSE(log->is_healthy());
  EXPECT_EQ(log->stats().decisions_dropped_error, 1);
  vfs_.Heal();
  const auto recovered = Send(*log, MakeFeedback(1)).get();
  ASSERT_THAT(recovered, IsOk());
  EXPECT_FALSE(recovered->duplicate);
  log->Stop();
  EXPECT_EQ(health, (std::vector<bool>{true, false, true}));
}

// As after a restart with a smaller limit.
TEST_F(DecisionLogTest, AFileAboveItsLimitIsTrimmedAndWrittenAgain) {
  ASSERT_TRUE(Writes(*Open(), 10000));
  options_.store.max_bytes = 1 << 20;
  ASSERT_GT(std::filesystem::file_size(options_.store.path),
            2 * options_.store.max_bytes);
  auto log = Open();
  int refused = 0;
  while (refused < 5 && !Writes(*log, 200)) ++refused;
  EXPECT_LE(refused, 1);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Writes(*log, 200)) << i;
  EXPECT_TRUE(log->is_healthy());
}

TEST_F(DecisionLogTest, AFullFileTakesFeedbackAgainOnceOlderOneIsTooOld) {
  absl::Time now = kLogNow;
  options_.clock = [&now] { return now; };
  options_.store.max_bytes = 1 << 20;
  auto log = Open();
  FeedbackRecord large = MakeFeedback(0);
  large.feedback.add_ranked_item_ids(std::string(10000, 'x'));
  int number = 0;
  const auto add = [&] {
    large.decision_id = IdOf(++number);
    large.issue_time = now;
    return Send(*log, large).get().status();
  };
  while (number < 1000 && add().ok()) {
  }
  ASSERT_EQ(ReasonOf(add()), "LOG_DISK_FULL");
  now += absl::Hours(25);
  add().IgnoreError();  // finds it full, and makes room
  EXPECT_THAT(add(), IsOk());
}

TEST_F(DecisionLogTest, MakesRoomForBatchesAboveATenthOfTheFile) {
  options_.store.max_bytes = 1 << 20;
  auto log = Open();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Writes(*log, 200)) << i;
  int refused = 0;
  while (refused < 5 && !Writes(*log, 8, 50000)) ++refused;
  EXPECT_LE(refused, 1);
  EXPECT_TRUE(log->is_healthy());
}

TEST_F(DecisionLogTest, OpensAgainAfterAnIoError) {
  auto log = Open();
  ASSERT_THAT(Send(*log, MakeFeedback(1)).get(), IsOk());
  for (int i = 0; i < 20; ++i) {
    vfs_.Fail(FaultVfs::Op::kSync, SQLITE_IOERR_FSYNC, 1, false);
    EXPECT_EQ(ReasonOf(Send(*log, MakeFeedback(2 + i)).get().status()),
              "LOG_IO_ERROR");
    vfs_.Heal();
    EXPECT_THAT(Send(*log, MakeFeedback(2 + i)).get(), IsOk());
  }
  EXPECT_TRUE(Send(*log, MakeFeedback(1)).get()->duplicate);
}

TEST_F(DecisionLogTest, StartsUnhealthyWithADamagedFileAndLeavesItAlone) {
  const std::string junk(8192, 'x');
  std::ofstream(options_.store.path) << junk;
  auto log = Open();
  EXPECT_FALSE(log->is_healthy());
  log->Enqueue(MakeDecision(1));
  for (int i = 0; i < 2; ++i) {
    const auto answer = Send(*log, MakeFeedback(1)).get();
    EXPECT_THAT(answer, StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_EQ(ReasonOf(answer.status()), "LOG_DAMAGED");
  }
  log->Stop();
  EXPECT_EQ(ReadFile(options_.store.path), junk);
}

TEST_F(DecisionLogTest, StartsWhenTheFileCannotBeOpened) {
  vfs_.Fail(FaultVfs::Op::kOpen, SQLITE_CANTOPEN);
  auto log = Open();
  EXPECT_EQ(ReasonOf(Send(*log, MakeFeedback(1)).get().status()),
            "LOG_IO_ERROR");
  vfs_.Heal();
  EXPECT_THAT(Send(*log, MakeFeedback(1)).get(), IsOk());
}

// What is listed under load waits for what came before, not for the load's end.
TEST_F(DecisionLogTest, AFlushEndsWhileDecisionsCome) {
  auto log = Open();
  std::atomic<bool> flushed = false;
  std::thread load([&, record = MakeDecision(1)]() mutable {
    for (uint64_t i = 1; !flushed; ++i) {
      std::memcpy(record.decision_id.data(), &i, sizeof(i));
      log->Enqueue(record);
    }
  });
  while (log->stats().queued_decisions == 0) std::this_thread::yield();
  log->Flush();
  flushed = true;
  load.join();
  EXPECT_GT(log->stats().decisions_written, 0);
}

TEST_F(DecisionLogTest, ForgetsWhatStillWaitsToo) {
  auto log = Open();
  log->Enqueue(MakeDecision(1, UserOf('g')));
  log->Flush();
  log->Enqueue(MakeDecision(2, UserOf('g')));
  log->Enqueue(MakeDecision(3, UserOf('k')));
  const auto erased = Forget(*log, UserOf('g'));
  ASSERT_THAT(erased, IsOk());
  EXPECT_EQ(erased->erased_decisions(), 2);
  EXPECT_THAT(Bytes(), Not(HasSubstr(std::string(BytesOf(UserOf('g'))))));
  EXPECT_THAT(ReadAll(options_.store.path), SizeIs(1));
}

TEST_F(DecisionLogTest, AForgottenUserIsAnErrorWhenTheDiskIs) {
  auto log = Open();
  log->Enqueue(MakeDecision(1, UserOf('g')));
  log->Flush();
  vfs_.Fail(FaultVfs::Op::kSync, SQLITE_IOERR_FSYNC);
  EXPECT_THAT(Forget(*log, UserOf('g')),
              StatusIs(absl::StatusCode::kUnavailable));
  vfs_.Heal();
  EXPECT_THAT(Forget(*log, UserOf('g')), IsOk());
  EXPECT_THAT(Bytes(), Not(HasSubstr(std::string(BytesOf(UserOf('g'))))));
}

TEST_F(DecisionLogTest, ServesManyThreads) {
  options_.flush_interval = absl::Milliseconds(1);
  auto log = Open();
  std::vector<std::thread> threads;
  std::atomic<int> recorded{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        log->Enqueue(MakeDecision(t * 1000 + i));
        // Every decision is reported by two threads.
        const auto answer = Send(*log, MakeFeedback((t / 2) * 1000 + i)).get();
        if (answer.ok() && !answer->duplicate) ++recorded;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  log->Flush();
  EXPECT_EQ(recorded, 400);
  EXPECT_EQ(log->stats().decisions_written, 800);
}

}  // namespace
}  // namespace attune::server
