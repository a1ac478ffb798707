// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "attune/v1/prompt_service.pb.h"
#include "policy/digest.h"
#include "server/error_reason.h"
#include "tests/server/fault_vfs.h"
#include "tests/server/log_builders.h"
#include "tests/server/temp_dir.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class LogStoreTest : public ::testing::Test {
 protected:
  LogStoreTest() { options_.path = dir_.path() + "/decisions.db"; }

  std::unique_ptr<LogStore> Open() {
    auto store = LogStore::Open(options_);
    EXPECT_THAT(store.status(), IsOk());
    return store.ok() ? *std::move(store) : nullptr;
  }
  // One transaction.
  template <typename... Records>
  static absl::Status AddDecisions(LogStore& store, const Records&... records) {
    absl::Status status = store.Begin();
    for (const DecisionRecord* record : {&records...}) {
      if (status.ok()) status = store.AddDecision(*record);
    }
    if (status.ok()) status = store.Commit();
    if (!status.ok()) store.Rollback();
    return status;
  }
  static absl::StatusOr<FeedbackResult> Add(LogStore& store,
                                            const FeedbackRecord& feedback) {
    absl::StatusOr<FeedbackResult> answer = FeedbackResult();
    absl::Status status = store.Begin();
    if (status.ok()) status = store.AddFeedback(feedback, &answer);
    if (status.ok()) status = store.Commit();
    if (status.ok()) return answer;
    store.Rollback();
    return status;
  }
  static absl::Status Trim(LogStore& store, absl::Time now) {
    absl::Status status = store.Begin();
    if (status.ok()) status = store.Trim(now, 0);
    return status.ok() ? store.Commit() : status;
  }
  int64_t Query(const std::string& sql) {
    auto db = Database::Open(options_.path, Database::Mode::kCreate, nullptr);
    EXPECT_THAT(db.status(), IsOk());
    return db.ok() ? (*db)->QueryInt(sql.c_str()).value_or(-1) : -1;
  }
  std::string Bytes() {
    return ReadFile(options_.path) + ReadFile(options_.path + "-wal");
  }

  const TempDir dir_;
  LogStore::Options options_;
};

TEST_F(LogStoreTest, KeepsWhatATrainerNeeds) {
  auto store = Open();
  ASSERT_THAT(AddDecisions(*store, MakeDecision(7)), IsOk());
  ASSERT_THAT(Add(*store, MakeFeedback(7, 0.75F)), IsOk());
  const auto all = ReadAll(options_.path);
  ASSERT_THAT(all, SizeIs(1));
  const v1::LoggedDecision& decision = all[0];
  EXPECT_EQ(decision.decision_id(), "07" + std::string(28, '0') + "01");
  EXPECT_EQ(decision.decide_time().seconds(), 1764000000);
  EXPECT_EQ(decision.user(), BytesOf(UserOf('a')));
  EXPECT_EQ(decision.revision(), LogRevision()->id());
  EXPECT_THAT(decision.state(), ElementsAre(1, 2, 3, 4, 5));
  const float state[] = {1, 2, 3, 4, 5};
  EXPECT_EQ(
      decision.state_digest(),
      policy::Sha256({reinterpret_cast<const char*>(state), sizeof(state)})
          .substr(0, 8));
  EXPECT_EQ(decision.feedback().reward(), 0.75F);
  EXPECT_TRUE(decision.history().empty());
}

TEST_F(LogStoreTest, AnswersARepeatedFeedbackWithTheFirst) {
  {
    auto store = Open();
    const auto first = Add(*store, MakeFeedback(1, 0.25F));
    ASSERT_THAT(first, IsOk());
    EXPECT_FALSE(first->duplicate);
  }
  auto store = Open();
  const auto second = Add(*store, MakeFeedback(1, 1.0F));
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->reward, 0.25F);
  EXPECT_TRUE(second->duplicate);
  EXPECT_EQ(Query("SELECT count(*) FROM feedback"), 1);
}

TEST_F(LogStoreTest, ARetryWithTheSameRequestIdIsNoDuplicate) {
  auto store = Open();
  FeedbackRecord feedback = MakeFeedback(1, 0.25F);
  feedback.request_id = "one";
  ASSERT_THAT(Add(*store, feedback), IsOk());
  EXPECT_FALSE(Add(*store, feedback)->duplicate);
  feedback.request_id = "two";
  EXPECT_TRUE(Add(*store, feedback)->duplicate);
}

TEST_F(LogStoreTest, PagesGoOnWhereTheyStopped) {
  auto store = Open();
  for (int i = 0; i < 7; ++i) {
    ASSERT_THAT(AddDecisions(*store, MakeDecision(i)), IsOk());
  }
  ASSERT_THAT(Add(*store, MakeFeedback(4)), IsOk());
  const auto first = ReadDecisions(options_.path, nullptr, 0, 5, true);
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(first->response.decisions(), SizeIs(1));
  EXPECT_FALSE(first->at_end);
  const auto second =
      ReadDecisions(options_.path, nullptr, first->last, 5, false);
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(second->response.decisions(), SizeIs(2));
  EXPECT_TRUE(second->at_end);
}

TEST_F(LogStoreTest, LeavesOutRowsWhoseBytesChanged) {
  auto store = Open();
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(AddDecisions(*store, MakeDecision(i)), IsOk());
  }
  ASSERT_THAT(Add(*store, MakeFeedback(1, 0.5F)), IsOk());
  Query("UPDATE decisions SET record = x'1234' WHERE seq = 1 RETURNING 1");
  Query("UPDATE feedback SET record = x'1234' RETURNING 1");
  const auto page = ReadDecisions(options_.path, nullptr, 0, 10, false);
  ASSERT_THAT(page, IsOk());
  EXPECT_THAT(page->response.decisions(), SizeIs(1));
  EXPECT_EQ(page->response.damaged_records(), 2);
  // The damaged feedback is an error of its own call, not the store's.
  EXPECT_EQ(ReasonOf(Add(*store, MakeFeedback(1)).status()), "LOG_DAMAGED");
  EXPECT_THAT(Add(*store, MakeFeedback(2)), IsOk());
}

TEST_F(LogStoreTest, RefusesAnotherProgramsFile) {
  Query("CREATE TABLE t(x) RETURNING 1");
  {
    auto db = Database::Open(options_.path, Database::Mode::kCreate, nullptr);
    ASSERT_THAT((*db)->Execute("CREATE TABLE IF NOT EXISTS t(x)"), IsOk());
  }
  EXPECT_THAT(LogStore::Open(options_).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("not a decision log")));
}

TEST_F(LogStoreTest, TakesOverALogOfSchemaOne) {
  {
    auto store = Open();
    ASSERT_THAT(AddDecisions(*store, MakeDecision(1), MakeDecision(2)), IsOk());
    ASSERT_THAT(Add(*store, MakeFeedback(2, 0.25F)), IsOk());
  }
  const char* schema1 =
      "BEGIN; ALTER TABLE feedback RENAME TO feedback2;"
      "CREATE TABLE feedback(seq INTEGER PRIMARY KEY,"
      " decision BLOB NOT NULL UNIQUE, user BLOB, issue_time INTEGER NOT NULL,"
      " request_id TEXT NOT NULL, record BLOB NOT NULL,"
      " checksum INTEGER NOT NULL);"
      "INSERT INTO feedback SELECT * FROM feedback2; DROP TABLE feedback2;"
      "DROP TABLE identity; PRAGMA user_version=1; COMMIT";
  ASSERT_THAT((*Database::Open(options_.path, Database::Mode::kCreate, nullptr))
                  ->Execute(schema1),
              IsOk());
  auto store = Open();
  EXPECT_THAT(ReadAll(options_.path), SizeIs(2));
  EXPECT_EQ(Add(*store, MakeFeedback(2, 1.0F))->reward, 0.25F);
  ASSERT_THAT(Add(*store, MakeFeedback(1)), IsOk());
  const auto ends = ReadEnds(options_.path, nullptr);
  ASSERT_THAT(ends, IsOk());
  EXPECT_THAT(ends->identity, SizeIs(32));
  EXPECT_GT(ends->last_feedback, 1);
  EXPECT_EQ(Query("PRAGMA user_version"), 2);
}

TEST_F(LogStoreTest, ASequenceNumberNeverComesTwice) {
  auto store = Open();
  ASSERT_THAT(AddDecisions(*store, MakeDecision(1)), IsOk());
  ASSERT_THAT(Add(*store, MakeFeedback(1)), IsOk());
  ASSERT_THAT(store->Erase(UserOf('a'), kLogNow), IsOk());
  ASSERT_THAT(Add(*store, MakeFeedback(2, 0.5F, UserOf('b'))), IsOk());
  EXPECT_EQ(ReadEnds(options_.path, nullptr)->last_feedback, 2);
}

TEST_F(LogStoreTest, SaysThatAFileIsDamaged) {
  std::ofstream(options_.path) << std::string(8192, 'x');
  const auto store = LogStore::Open(options_);
  EXPECT_THAT(store.status(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(ReasonOf(store.status()), "LOG_DAMAGED");
}

TEST_F(LogStoreTest, TrimsWhatIsOldButNoFeedbackWithinTheWindow) {
  options_.retention = absl::Hours(48);
  options_.feedback_window = absl::Hours(24);
  auto store = Open();
  ASSERT_THAT(
      AddDecisions(*store, MakeDecision(1),
                   MakeDecision(2, UserOf('a'), kLogNow + absl::Hours(20))),
      IsOk());
  ASSERT_THAT(Add(*store, MakeFeedback(1)), IsOk());
  ASSERT_THAT(Trim(*store, kLogNow + absl::Hours(48)), IsOk());
  EXPECT_EQ(Query("SELECT count(*) FROM decisions"), 2);
  EXPECT_EQ(Query("SELECT count(*) FROM feedback"), 1);
  ASSERT_THAT(Trim(*store, kLogNow + absl::Hours(49)), IsOk());
  EXPECT_EQ(Query("SELECT count(*) FROM decisions"), 1);
  EXPECT_EQ(Query("SELECT count(*) FROM feedback"), 0);
}

TEST_F(LogStoreTest, StaysWithinItsSizeAndKeepsFeedbackWithinTheWindow) {
  options_.max_bytes = 1 << 20;
  auto store = Open();
  ASSERT_THAT(Add(*store, MakeFeedback(0)), IsOk());
  constexpr int kBatches = 60;
  constexpr int kBatch = 200;
  for (int batch = 0; batch < kBatches; ++batch) {
    ASSERT_THAT(store->Begin(), IsOk());
    for (int i = 0; i < kBatch; ++i) {
      ASSERT_THAT(store->AddDecision(MakeDecision(batch * kBatch + i)), IsOk());
    }
    ASSERT_THAT(store->Trim(kLogNow, kBatch), IsOk());
    ASSERT_THAT(store->Commit(), IsOk());
  }
  ASSERT_THAT(store->Checkpoint(), IsOk());
  EXPECT_LE(std::filesystem::file_size(options_.path), 1U << 20);
  EXPECT_GT(Query("SELECT count(*) FROM decisions"), kBatch);
  EXPECT_EQ(Query("SELECT max(seq) FROM decisions"), kBatches * kBatch);
  EXPECT_TRUE(Add(*store, MakeFeedback(0))->duplicate);
}

TEST_F(LogStoreTest, SaysThatItIsFullAndGoesOnWhenThereIsSpace) {
  FaultVfs vfs;
  options_.vfs = vfs.name();
  auto store = Open();
  ASSERT_THAT(Add(*store, MakeFeedback(1)), IsOk());
  vfs.Fail(FaultVfs::Op::kWrite, SQLITE_FULL);
  const auto full = Add(*store, MakeFeedback(2));
  EXPECT_THAT(full, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(full.status()), "LOG_DISK_FULL");
  vfs.Heal();
  EXPECT_FALSE(Add(*store, MakeFeedback(2))->duplicate);
}

// Fails every single operation in turn, once or for ever, with every kind of
// error: whatever was acknowledged must be there afterwards, once.
class LogStoreFaultTest
    : public LogStoreTest,
      public ::testing::WithParamInterface<std::pair<int, bool>> {
 protected:
  // Returns the acknowledged decisions.
  std::set<int> RecordSome() {
    std::set<int> acknowledged;
    absl::StatusOr<std::unique_ptr<LogStore>> store =
        absl::UnknownError("closed");
    for (int i = 0; i < 3; ++i) {
      if (!store.ok()) store = LogStore::Open(options_);
      if (!store.ok()) continue;
      const auto answer = Add(**store, MakeFeedback(i, 0.5F));
      if (answer.ok()) {
        acknowledged.insert(i);
      } else if (!absl::IsResourceExhausted(answer.status())) {
        store = absl::UnknownError("closed");
      }
    }
    return acknowledged;
  }
};

TEST_P(LogStoreFaultTest, LosesNothingThatWasAcknowledged) {
  const auto [code, for_ever] = GetParam();
  FaultVfs vfs;
  int k = 1;
  for (bool failed = true; failed; ++k) {
    options_.path = absl::StrCat(dir_.path(), "/", k, ".db");
    options_.vfs = vfs.name();
    vfs.Fail(FaultVfs::Op::kAny, code, k, for_ever);
    const std::set<int> acknowledged = RecordSome();
    failed = vfs.Heal();
    options_.vfs = nullptr;
    auto store = Open();
    ASSERT_NE(store, nullptr) << "operation " << k;
    EXPECT_EQ(Query("SELECT count(*) FROM pragma_integrity_check"
                    " WHERE integrity_check <> 'ok'"),
              0);
    for (const int i : acknowledged) {
      const auto again = Add(*store, MakeFeedback(i, 1.0F));
      ASSERT_THAT(again, IsOk()) << "operation " << k;
      EXPECT_TRUE(again->duplicate) << "operation " << k;
      EXPECT_EQ(again->reward, 0.5F) << "operation " << k;
    }
  }
  EXPECT_GT(k, 20);
}

INSTANTIATE_TEST_SUITE_P(Errors, LogStoreFaultTest,
                         ::testing::Values(std::pair(SQLITE_FULL, false),
                                           std::pair(SQLITE_FULL, true),
                                           std::pair(SQLITE_IOERR_WRITE, false),
                                           std::pair(SQLITE_IOERR_WRITE, true),
                                           std::pair(SQLITE_IOERR_FSYNC, false),
                                           std::pair(SQLITE_CANTOPEN, false)));

// Only what was synced survives a power loss. With `synchronous=NORMAL` this
// fails.
TEST_F(LogStoreTest, APowerLossAfterAnyAcknowledgementLosesNothing) {
  FaultVfs vfs;
  options_.vfs = vfs.name();
  auto store = Open();
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(AddDecisions(*store, MakeDecision(i)), IsOk());
    ASSERT_THAT(Add(*store, MakeFeedback(i)), IsOk());
    if (i % 7 == 3) {
      ASSERT_THAT(store->Checkpoint(), IsOk());
    } else if (i % 3 == 1) {
      ASSERT_THAT(store->PassiveCheckpoint(), IsOk());
    }
    const std::string copy = absl::StrCat(dir_.path(), "/copy", i);
    vfs.CopySynced(copy);
    LogStore::Options options = options_;
    options.path = copy + "/decisions.db";
    options.vfs = nullptr;
    auto after = LogStore::Open(options);
    ASSERT_THAT(after.status(), IsOk());
    const auto all = ReadAll(options.path);
    ASSERT_THAT(all, SizeIs(i + 1));
    for (const auto& decision : all) EXPECT_TRUE(decision.has_feedback());
  }
}

TEST_F(LogStoreTest, EraseLeavesNoByteOfTheUser) {
  const UserPseudonym gone = UserOf('g');
  auto store = Open();
  ASSERT_THAT(store->Begin(), IsOk());
  for (int i = 0; i < 300; ++i) {
    const UserPseudonym user = i % 3 == 0 ? gone : UserOf('k');
    const auto items = i % 3 == 0 ? LogItems({"only-theirs", "x"}) : LogItems();
    ASSERT_THAT(store->AddDecision(MakeDecision(i, user, kLogNow, items)),
                IsOk());
    absl::StatusOr<FeedbackResult> answer = FeedbackResult();
    ASSERT_THAT(store->AddFeedback(MakeFeedback(i, 0.5F, user), &answer),
                IsOk());
  }
  ASSERT_THAT(store->Commit(), IsOk());
  ASSERT_THAT(Bytes(), HasSubstr(std::string(BytesOf(gone))));
  ASSERT_THAT(Bytes(), HasSubstr("only-theirs"));
  const auto erased = store->Erase(gone, kLogNow);
  ASSERT_THAT(erased, IsOk());
  EXPECT_EQ(erased->erased_decisions(), 100);
  EXPECT_EQ(erased->erased_feedback(), 100);
  EXPECT_THAT(Bytes(), Not(HasSubstr(std::string(BytesOf(gone)))));
  EXPECT_THAT(Bytes(), Not(HasSubstr("only-theirs")));
  EXPECT_THAT(Bytes(), Not(HasSubstr(std::string(BytesOf(IdOf(0))))));
  EXPECT_THAT(ReadAll(options_.path), SizeIs(200));
  const auto again = store->Erase(gone, kLogNow);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->erased_decisions() + again->erased_feedback(), 0);
}

TEST_F(LogStoreTest, AnErasedUsersOldDecisionsStayAway) {
  auto store = Open();
  ASSERT_THAT(store->Erase(UserOf('a'), kLogNow), IsOk());
  store = Open();
  const absl::Time later = kLogNow + absl::Seconds(1);
  ASSERT_THAT(
      AddDecisions(*store, MakeDecision(1), MakeDecision(2, UserOf('a'), later),
                   MakeDecision(3, UserOf('b'))),
      IsOk());
  EXPECT_THAT(ReadAll(options_.path), SizeIs(2));
  EXPECT_EQ(ReasonOf(Add(*store, MakeFeedback(1)).status()),
            "DECISION_FORGOTTEN");
  EXPECT_THAT(Add(*store, MakeFeedback(2, 0.5F, UserOf('a'), later)), IsOk());
  EXPECT_THAT(Add(*store, MakeFeedback(3, 0.5F, UserOf('b'))), IsOk());
}

}  // namespace
}  // namespace attune::server
