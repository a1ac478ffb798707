// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_DECISION_LOG_H_
#define ATTUNE_SERVER_DECISION_LOG_H_

// The log of what was decided and what came of it. START HERE for the loop.
//
// One writer thread owns the file (log_store.h). Everything that waits, decisions
// and feedback alike, goes into one transaction: while one commit syncs, the
// next batch gathers, so the number of syncs does not grow with the load. A
// feedback is answered after the commit that holds it: acknowledged means on
// disk. Decisions are not waited for: they are committed within
// `flush_interval`, and those that are not yet when the process is killed are
// lost.
//
// The writer works in small pieces and rests between them: it shares the
// processors with the threads that answer, and a call must not find one taken for
// a millisecond. It takes decisions as they come, a few at a time, commits the
// sooner the more there are, and copies the write-ahead log into the file between
// commits instead of with them.
//
// Nothing here stops prompts: a queue that is full, in decisions or in bytes,
// drops the decision and counts it; a full disk, an I/O error or a damaged file
// drops decisions and answers feedback with the error (sqlite.h), and
// is_healthy() is false until a commit succeeds again. A batch that does not fit
// into the file makes room for the next. After an I/O error the file is closed
// and opened again for every batch until that works. A damaged file is left
// alone, for an operator to judge: starting over would count feedback twice that
// was counted before.
//
// Life cycle: Open(); calls from any thread; Stop(), or the destructor, writes
// what waits and closes the file.
//
// Thread-safe. Enqueue() takes no lock, makes no system call and does not block.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "policy/bounded_queue.h"
#include "server/log_reader.h"
#include "server/log_record.h"
#include "server/log_store.h"

namespace attune::server {

// What a call about the log is answered with if the server keeps none:
// kFailedPrecondition, LOG_DISABLED.
absl::Status NoDecisionLog();

// Counts since the start.
struct LogStats {
  int64_t decisions_written = 0;
  // The queue was full, in decisions or in bytes.
  int64_t decisions_dropped_full = 0;
  // The file could not be written.
  int64_t decisions_dropped_error = 0;
  int64_t feedback_recorded = 0;
  int64_t feedback_duplicate = 0;
  int64_t feedback_failed = 0;
  int64_t commits = 0;
  int64_t failed_commits = 0;
  // Now.
  int64_t queued_decisions = 0;
  bool healthy = false;
};

class DecisionLog {
 public:
  struct Options {
    LogStore::Options store;
    // Decisions that may wait; more are dropped.
    size_t queue_capacity = size_t{1} << 15;
    // Bytes that their records may take; what is above is dropped. With
    // keep_requests a record may be as long as a request.
    size_t queue_bytes = size_t{64} << 20;
    // Feedback calls that may wait; more are refused.
    size_t feedback_capacity = 4096;
    // How long a transaction gathers at most when no feedback hurries it.
    absl::Duration flush_interval = absl::Milliseconds(100);
    // Keep requests' histories and candidates.
    bool keep_requests = false;
    // The time. Thread-safe. Required.
    std::function<absl::Time()> clock;
    // Told when is_healthy() changes, on the writer's thread. Optional.
    std::function<void(bool healthy)> on_health;
  };
  using FeedbackDone = std::function<void(absl::StatusOr<FeedbackResult>)>;
  using ForgetDone =
      std::function<void(absl::StatusOr<v1::ForgetUserResponse>)>;

  // kFailedPrecondition if the file is another program's. Any other trouble
  // with it is no reason not to serve prompts: the log starts unhealthy.
  static absl::StatusOr<std::unique_ptr<DecisionLog>> Open(Options options);

  ~DecisionLog();
  DecisionLog(const DecisionLog&) = delete;
  DecisionLog& operator=(const DecisionLog&) = delete;

  // Takes the decision, or drops and counts it.
  void Enqueue(DecisionRecord record);
  bool keeps_requests() const { return options_.keep_requests; }

  // Calls `done` exactly once: on the writer's thread once the feedback is on
  // disk or cannot be, or at once, with kResourceExhausted
  // (FEEDBACK_QUEUE_FULL) or kUnavailable (after Stop()).
  void RecordFeedback(FeedbackRecord record, FeedbackDone done);

  // Erases the user from everything that was enqueued before and from the file;
  // see LogStore::Erase. Calls `done` exactly once, as RecordFeedback.
  void Forget(const UserPseudonym& user, ForgetDone done);

  // As of ReadDecisions. Blocks on the disk.
  absl::StatusOr<LogPage> List(int64_t after, int limit,
                               bool only_with_feedback) const;

  // As of ReadFeedback and ReadEnds. Block on the disk.
  absl::StatusOr<LogPage> ListFeedback(int64_t after, int limit) const;
  absl::StatusOr<LogEnds> Ends() const;

  // Blocks until everything enqueued before is written or dropped.
  void Flush();

  // Writes what waits, empties the write-ahead log, closes the file. Idempotent.
  void Stop();

  bool is_healthy() const { return healthy_.load(std::memory_order_relaxed); }
  LogStats stats() const;

 private:
  struct PendingFeedback {
    FeedbackRecord record;
    FeedbackDone done;
    absl::StatusOr<FeedbackResult> answer = FeedbackResult();
  };
  struct PendingErasure {
    UserPseudonym user;
    ForgetDone done;
  };
  // What the writer does in one turn.
  struct Turn {
    std::vector<PendingFeedback> feedback;
    std::vector<PendingErasure> erasures;
    std::vector<std::function<void()>> flushes;
    bool stop = false;
    bool hurried() const {
      return stop || !feedback.empty() || !erasures.empty() || !flushes.empty();
    }
  };

  // The transaction that is open, if one is.
  struct Transaction {
    bool open = false;
    std::chrono::steady_clock::time_point begin;
    int64_t decisions = 0;
  };

  explicit DecisionLog(Options options);
  void Run();
  // Waits for at most `pause` for something that hurries.
  Turn WaitForTurn(std::chrono::microseconds pause);
  // False if none waits.
  bool Take(DecisionRecord* record);
  // Puts a slice of what waits into the transaction; says how many it took.
  int64_t WriteDecisions();
  bool CommitIsDue() const;
  void Checkpoint();
  void CommitBatch(std::vector<PendingFeedback>* feedback);
  absl::Status TryCommit(std::vector<PendingFeedback>* feedback);
  absl::Status EnsureOpen();
  absl::Status EnsureTransaction();
  // Counts and forgets the transaction.
  void EndTransaction(const absl::Status& status);
  void Erase(PendingErasure* erasure);
  // Closes the file if it must be; tells of a change of health.
  void NoteOutcome(const absl::Status& status);
  void CountFeedback(const PendingFeedback& feedback);

  const Options options_;
  policy::BoundedQueue<DecisionRecord> queue_;
  // Of the records in the queue, and of those that are about to be or not to be.
  alignas(64) std::atomic<size_t> queued_bytes_{0};

  std::atomic<bool> healthy_{false};
  std::atomic<int64_t> decisions_written_{0};
  std::atomic<int64_t> decisions_dropped_full_{0};
  std::atomic<int64_t> decisions_dropped_error_{0};
  std::atomic<int64_t> feedback_recorded_{0};
  std::atomic<int64_t> feedback_duplicate_{0};
  std::atomic<int64_t> feedback_failed_{0};
  std::atomic<int64_t> commits_{0};
  std::atomic<int64_t> failed_commits_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  Turn next_;             // guarded by mutex_
  bool stopped_ = false;  // guarded by mutex_

  // The writer's own.
  std::unique_ptr<LogStore> store_;
  std::optional<absl::Status> damage_;
  Transaction transaction_;
  // Something was committed since the last checkpoint. Then no transaction is
  // open when a turn begins.
  bool checkpoint_is_due_ = false;
  bool told_health_ = false;

  std::once_flag stop_once_;
  std::thread writer_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_DECISION_LOG_H_
