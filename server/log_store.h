// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LOG_STORE_H_
#define ATTUNE_SERVER_LOG_STORE_H_

// The decision log's file: one SQLite database in WAL mode with
// `synchronous=FULL`. After Commit() returned OK, the batch survives a crash of
// the process and a power loss.
//
// Life cycle: Open(); then Begin(), Add...() any number of times, Commit(), or
// Rollback() after an error. After kUnavailable or kDataLoss the store must be
// closed and opened again: SQLite cannot know what a failed sync left behind,
// so Open() copies what the write-ahead log holds into the file, and syncs that,
// before anything is believed.
//
// Schema: decisions(seq, decision, user, time, record, checksum), in the order
// they were made, without an index, because an index over random ids would cost
// more than the rows; feedback(seq, decision UNIQUE, ...), so that the join runs
// from the decisions; forgotten(user_hash, time), see Erase(); identity(id), 16
// random bytes that no other log has. Times are whole seconds since the epoch. A
// `seq` is never used twice. A log of schema 1, which had neither of the two,
// becomes one of schema 2 when it is opened.
//
// Errors are those of sqlite.h. Not thread-safe; owned by one thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attune/v1/log_service.pb.h"
#include "server/log_record.h"
#include "server/sqlite.h"

namespace attune::server {

class LogStore {
 public:
  struct Options {
    std::string path;
    // The file grows no larger. The oldest decisions go when nine tenths are
    // used. At least 1 MiB.
    int64_t max_bytes = int64_t{1} << 30;
    // Rows about older decisions go.
    absl::Duration retention = absl::Hours(24 * 30);
    // Feedback stays at least this long after its decision, whatever the size,
    // or a repeated one would count twice.
    absl::Duration feedback_window = absl::Hours(24);
    // Name of SQLite's layer below; null for the default. For tests.
    const char* vfs = nullptr;
  };

  // Opens or creates. kFailedPrecondition if the file is another program's or a
  // later version's.
  static absl::StatusOr<std::unique_ptr<LogStore>> Open(const Options& options);

  absl::Status Begin();
  // A decision of a user who was erased after it was made is left out.
  absl::Status AddDecision(const DecisionRecord& record);
  // The first feedback of a decision is stored; a later one is answered with
  // it. `answer` is kFailedPrecondition if the decision was forgotten. An error
  // that is returned is the whole batch's.
  absl::Status AddFeedback(const FeedbackRecord& record,
                           absl::StatusOr<FeedbackResult>* answer);
  // Deletes what is too old or too much; more the more was added.
  absl::Status Trim(absl::Time now, int64_t added) {
    return TrimFor(0, now, added);
  }
  absl::Status Commit();
  void Rollback();
  // After a Rollback() because of kResourceExhausted: trims in a transaction of
  // its own, as if the batch that did not fit were there, so that a later one
  // fits. What did not fit for another reason than the file's size stays.
  absl::Status MakeRoom(absl::Time now, int64_t added);

  // Erases the user's rows and proves it: deletes, rewrites the file (VACUUM),
  // empties the write-ahead log, and searches the files' bytes for the
  // pseudonym. Blocks for about as long as copying the file takes. Afterwards
  // feedback for the user's decisions up to `now` is refused until their window
  // has passed; only a hash of the pseudonym is kept for that.
  absl::StatusOr<v1::ForgetUserResponse> Erase(const UserPseudonym& user,
                                               absl::Time now);

  // Copies the write-ahead log into the file and empties it.
  absl::Status Checkpoint() { return database_->Checkpoint(); }
  // Copies what it can of the write-ahead log, so that the log stays short. What
  // it cannot copy stays where it is as safe.
  absl::Status PassiveCheckpoint() { return database_->PassiveCheckpoint(); }

 private:
  LogStore(Options options, std::unique_ptr<Database> database)
      : options_(std::move(options)), database_(std::move(database)) {}
  absl::Status Prepare();
  absl::Status PrepareStatements();
  // Runs what makes the schema, or makes it the current one.
  absl::Status CreateSchema(const std::string& sql);
  absl::Status LoadForgotten();
  // Trim(), to have room for so many bytes more.
  absl::Status TrimFor(int64_t bytes, absl::Time now, int64_t added);
  absl::Status FindFeedback(const FeedbackRecord& record,
                            absl::StatusOr<FeedbackResult>* answer);
  absl::Status DeleteRows(const UserPseudonym& user, absl::Time now,
                          v1::ForgetUserResponse* erased);
  bool IsForgotten(const UserPseudonym& user, absl::Time made) const;

  const Options options_;
  const std::unique_ptr<Database> database_;
  Statement insert_decision_;
  Statement insert_feedback_;
  Statement select_feedback_;
  Statement trim_decisions_;
  Statement trim_feedback_;
  Statement oldest_decision_;
  Statement oldest_feedback_;
  Statement used_pages_;
  // What `forgotten` holds. Few: one per erased user and window.
  struct Forgotten {
    std::string user_hash;
    int64_t seconds;
  };
  std::vector<Forgotten> forgotten_;
  int64_t page_bytes_ = 4096;
  // Bytes of the records since Begin().
  int64_t batch_bytes_ = 0;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOG_STORE_H_
