// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "server/error_reason.h"

namespace attune::server {
namespace {

constexpr int64_t kApplicationId = 0x4154444C;  // "ATDL"
constexpr int64_t kSchemaVersion = 2;
constexpr int64_t kMinTrimmedRows = 1000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

constexpr char kSettings[] =
    // A row is some 700 bytes: with few rows on a page, the calls that write
    // pages cost more than the rows. With larger ones feedback costs more: each
    // touches a page of its index.
    "PRAGMA page_size=16384;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    // Deleted rows are overwritten; see LogStore::Erase.
    "PRAGMA secure_delete=ON;"
    // Pages beyond these go to the file as they fill, and not all with the commit.
    "PRAGMA cache_size=8;"
    // For when feedback leaves no time for a checkpoint between commits.
    "PRAGMA wal_autocheckpoint=256;"
    // Gives the space of a log that had grown back.
    "PRAGMA journal_size_limit=33554432;";

// AUTOINCREMENT: what points at a row must never point at one that came later.
constexpr char kDecisions[] =
    "CREATE TABLE decisions(seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " decision BLOB NOT NULL, user BLOB, time INTEGER NOT NULL,"
    " record BLOB NOT NULL, checksum INTEGER NOT NULL);"
    "CREATE TABLE forgotten(user_hash BLOB PRIMARY KEY,"
    " time INTEGER NOT NULL) WITHOUT ROWID;";
constexpr char kFeedback[] =
    "CREATE TABLE feedback(seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " decision BLOB NOT NULL UNIQUE, user BLOB, issue_time INTEGER NOT NULL,"
    " request_id TEXT NOT NULL, record BLOB NOT NULL,"
    " checksum INTEGER NOT NULL);";
constexpr char kIdentity[] =
    "CREATE TABLE identity(id BLOB NOT NULL);"
    "INSERT INTO identity VALUES(randomblob(16));";

std::string NewSchema() {
  return absl::StrCat(kDecisions, kFeedback, kIdentity);
}

std::string FromSchema1() {
  return absl::StrCat(
      "ALTER TABLE feedback RENAME TO feedback1;", kFeedback,
      "INSERT INTO feedback(seq, decision, user, issue_time, request_id,"
      " record, checksum) SELECT seq, decision, user, issue_time, request_id,"
      " record, checksum FROM feedback1 ORDER BY seq; DROP TABLE feedback1;",
      kIdentity);
}

absl::Status Damaged() {
  return WithReason(absl::DataLossError("decision log: damaged"),
                    "LOG_DAMAGED");
}

void BindUser(int parameter, const UserPseudonym& user, Statement* statement) {
  if (IsAnonymous(user)) {
    statement->BindNull(parameter);
  } else {
    statement->Bind(parameter, BytesOf(user));
  }
}

// The number in the first row, or `if_none`.
absl::StatusOr<int64_t> FirstInt(Statement* statement, int64_t if_none) {
  ATTUNE_ASSIGN_OR_RETURN(const bool found, statement->Step());
  const int64_t number = found ? statement->Int(0) : if_none;
  statement->Reset();
  return number;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogStore>> LogStore::Open(
    const Options& options) {
  ATTUNE_ASSIGN_OR_RETURN(
      auto database,
      Database::Open(options.path, Database::Mode::kCreate, options.vfs));
  std::unique_ptr<LogStore> store(new LogStore(options, std::move(database)));
  ATTUNE_RETURN_IF_ERROR(store->Prepare());
  return store;
}

absl::Status LogStore::Prepare() {
  Database& db = *database_;
  ATTUNE_ASSIGN_OR_RETURN(const int64_t tables,
                          db.QueryInt("SELECT count(*) FROM sqlite_master"));
  ATTUNE_ASSIGN_OR_RETURN(const int64_t id,
                          db.QueryInt("PRAGMA application_id"));
  ATTUNE_ASSIGN_OR_RETURN(const int64_t version,
                          db.QueryInt("PRAGMA user_version"));
  if (tables > 0 &&
      (id != kApplicationId || version < 1 || version > kSchemaVersion)) {
    return absl::FailedPreconditionError(absl::StrCat(
        options_.path, ": not a decision log of schema ", kSchemaVersion));
  }
  ATTUNE_RETURN_IF_ERROR(db.Execute(kSettings));
  ATTUNE_ASSIGN_OR_RETURN(page_bytes_, db.QueryInt("PRAGMA page_size"));
  ATTUNE_RETURN_IF_ERROR(db.Execute(
      absl::StrCat("PRAGMA max_page_count=", options_.max_bytes / page_bytes_)
          .c_str()));
  if (tables == 0) {
    ATTUNE_RETURN_IF_ERROR(CreateSchema(NewSchema()));
  } else if (version == 1) {
    ATTUNE_RETURN_IF_ERROR(CreateSchema(FromSchema1()));
  }
  // After a failed sync the page cache may show what the disk does not have.
  // Written again through the file, it is on disk or we hear of it.
  ATTUNE_RETURN_IF_ERROR(db.Checkpoint());
  ATTUNE_RETURN_IF_ERROR(PrepareStatements());
  return LoadForgotten();
}

absl::Status LogStore::PrepareStatements() {
  Database& db = *database_;
  ATTUNE_ASSIGN_OR_RETURN(
      insert_decision_,
      db.Prepare("INSERT INTO decisions(decision, user, time, record, checksum)"
                 " VALUES(?, ?, ?, ?, ?)"));
  ATTUNE_ASSIGN_OR_RETURN(
      insert_feedback_,
      db.Prepare("INSERT INTO feedback(decision, user, issue_time, request_id,"
                 " record, checksum) VALUES(?, ?, ?, ?, ?, ?)"
                 " ON CONFLICT(decision) DO NOTHING"));
  ATTUNE_ASSIGN_OR_RETURN(
      select_feedback_,
      db.Prepare("SELECT request_id, record, checksum FROM feedback"
                 " WHERE decision = ?"));
  ATTUNE_ASSIGN_OR_RETURN(
      trim_decisions_,
      db.Prepare("DELETE FROM decisions WHERE seq IN (SELECT seq FROM"
                 " (SELECT seq, time FROM decisions ORDER BY seq LIMIT ?)"
                 " WHERE time < ?)"));
  ATTUNE_ASSIGN_OR_RETURN(
      trim_feedback_,
      db.Prepare("DELETE FROM feedback WHERE seq IN (SELECT seq FROM"
                 " (SELECT seq, issue_time FROM feedback ORDER BY seq LIMIT ?)"
                 " WHERE issue_time < ?)"));
  ATTUNE_ASSIGN_OR_RETURN(
      oldest_decision_,
      db.Prepare("SELECT time FROM decisions ORDER BY seq LIMIT 1"));
  ATTUNE_ASSIGN_OR_RETURN(
      oldest_feedback_,
      db.Prepare("SELECT issue_time FROM feedback ORDER BY seq LIMIT 1"));
  ATTUNE_ASSIGN_OR_RETURN(
      used_pages_, db.Prepare("SELECT page_count - freelist_count FROM"
                              " pragma_page_count, pragma_freelist_count"));
  return absl::OkStatus();
}

absl::Status LogStore::CreateSchema(const std::string& sql) {
  absl::Status status = database_->Execute(
      absl::StrCat("BEGIN IMMEDIATE;", sql,
                   "PRAGMA application_id=", kApplicationId,
                   ";PRAGMA user_version=", kSchemaVersion, ";COMMIT")
          .c_str());
  if (!status.ok()) Rollback();
  return status;
}

absl::Status LogStore::LoadForgotten() {
  ATTUNE_ASSIGN_OR_RETURN(
      Statement select,
      database_->Prepare("SELECT user_hash, time FROM forgotten"));
  forgotten_.clear();
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return absl::OkStatus();
    forgotten_.push_back({select.Blob(0), select.Int(1)});
  }
}

absl::Status LogStore::Begin() {
  batch_bytes_ = 0;
  return database_->Execute("BEGIN IMMEDIATE");
}

absl::Status LogStore::Commit() { return database_->Execute("COMMIT"); }

void LogStore::Rollback() {
  // An error may have ended the transaction already.
  database_->Execute("ROLLBACK").IgnoreError();
}

absl::Status LogStore::AddDecision(const DecisionRecord& record) {
  if (IsForgotten(record.user, record.time)) return absl::OkStatus();
  batch_bytes_ += static_cast<int64_t>(record.bytes.size());
  const std::string_view id = BytesOf(record.decision_id);
  insert_decision_.Bind(1, id);
  BindUser(2, record.user, &insert_decision_);
  insert_decision_.Bind(3, absl::ToUnixSeconds(record.time));
  insert_decision_.Bind(4, record.bytes);
  insert_decision_.Bind(5, RowChecksum(id, record.bytes));
  return insert_decision_.Run();
}

absl::Status LogStore::AddFeedback(const FeedbackRecord& record,
                                   absl::StatusOr<FeedbackResult>* answer) {
  if (IsForgotten(record.user, record.issue_time)) {
    *answer = WithReason(
        absl::FailedPreconditionError("decision_token: its user was erased"),
        "DECISION_FORGOTTEN");
    return absl::OkStatus();
  }
  const std::string bytes = record.feedback.SerializeAsString();
  batch_bytes_ += static_cast<int64_t>(bytes.size());
  const std::string_view id = BytesOf(record.decision_id);
  insert_feedback_.Bind(1, id);
  BindUser(2, record.user, &insert_feedback_);
  insert_feedback_.Bind(3, absl::ToUnixSeconds(record.issue_time));
  insert_feedback_.BindText(4, record.request_id);
  insert_feedback_.Bind(5, bytes);
  insert_feedback_.Bind(6, RowChecksum(id, bytes));
  ATTUNE_RETURN_IF_ERROR(insert_feedback_.Run());
  if (database_->changes() == 1) {
    *answer = FeedbackResult{record.feedback.reward(), false, true};
    return absl::OkStatus();
  }
  return FindFeedback(record, answer);
}

absl::Status LogStore::FindFeedback(const FeedbackRecord& record,
                                    absl::StatusOr<FeedbackResult>* answer) {
  const std::string_view id = BytesOf(record.decision_id);
  select_feedback_.Bind(1, id);
  ATTUNE_ASSIGN_OR_RETURN(const bool found, select_feedback_.Step());
  if (!found) return Damaged();  // its insertion said that it is there
  const std::string request_id = select_feedback_.Blob(0);
  const std::string bytes = select_feedback_.Blob(1);
  const int64_t checksum = select_feedback_.Int(2);
  select_feedback_.Reset();
  v1::LoggedFeedback first;
  if (checksum != RowChecksum(id, bytes) || !first.ParseFromString(bytes)) {
    *answer = Damaged();
    return absl::OkStatus();
  }
  // A call that repeats its own request id is told what it was told before.
  *answer = FeedbackResult{first.reward(), record.request_id.empty() ||
                                               record.request_id != request_id};
  return absl::OkStatus();
}

absl::Status LogStore::MakeRoom(absl::Time now, int64_t added) {
  const int64_t wanted = batch_bytes_;
  ATTUNE_RETURN_IF_ERROR(Begin());
  absl::Status status = TrimFor(wanted, now, added);
  if (status.ok()) status = Commit();
  if (!status.ok()) Rollback();
  return status;
}

absl::Status LogStore::TrimFor(int64_t bytes, absl::Time now, int64_t added) {
  const int64_t rows = std::max(kMinTrimmedRows, 2 * added);
  const int64_t too_old = absl::ToUnixSeconds(now - options_.retention);
  const int64_t window = absl::ToUnixSeconds(now - options_.feedback_window);
  ATTUNE_ASSIGN_OR_RETURN(const int64_t pages, FirstInt(&used_pages_, 0));
  const bool too_much =
      pages * page_bytes_ + bytes > options_.max_bytes / 10 * 9;
  // Rows are in the order of time, so the first tells whether there is any to
  // go.
  ATTUNE_ASSIGN_OR_RETURN(const int64_t decision,
                          FirstInt(&oldest_decision_, kNever));
  if (too_much || decision < too_old) {
    trim_decisions_.Bind(1, rows);
    trim_decisions_.Bind(2, too_much ? kNever : too_old);
    ATTUNE_RETURN_IF_ERROR(trim_decisions_.Run());
  }
  const int64_t limit = too_much ? window : std::min(too_old, window);
  ATTUNE_ASSIGN_OR_RETURN(const int64_t feedback,
                          FirstInt(&oldest_feedback_, kNever));
  if (feedback >= limit) return absl::OkStatus();
  trim_feedback_.Bind(1, rows);
  trim_feedback_.Bind(2, limit);
  return trim_feedback_.Run();
}

}  // namespace attune::server
