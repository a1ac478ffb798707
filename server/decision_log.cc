// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/decision_log.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "policy/status_macros.h"
#include "server/error_reason.h"
#include "server/log.h"
#include "server/thread_class.h"

namespace attune::server {
namespace {

using Clock = std::chrono::steady_clock;

// Decisions that the writer takes in one go, and how long it rests when fewer
// wait: at ten thousand a second it works for a tenth of a millisecond.
constexpr int64_t kMaxSlice = 256;
constexpr std::chrono::microseconds kRest{2000};

// With so many decisions a transaction is worth its sync after a part of the
// interval: what a sync takes grows with what it has to write. More parts would
// shorten the slowest calls, but every sync and the two of its checkpoint are
// felt by all (docs/adr/2026-11-25-decision-log.md).
constexpr int64_t kWorthASync = 256;
constexpr int kPartsOfInterval = 2;

// A copy that shares nothing: Abseil counts a status' references inside its
// library, where ThreadSanitizer does not see what orders two threads.
absl::Status Detached(const absl::Status& status) {
  return WithReason(absl::Status(status.code(), status.message()),
                    ReasonOf(status));
}

absl::Status Stopped() {
  return WithReason(
      absl::UnavailableError("decision log: the server is stopping"),
      "LOG_STOPPED");
}

}  // namespace

absl::Status NoDecisionLog() {
  return WithReason(absl::FailedPreconditionError("the server keeps no log"),
                    "LOG_DISABLED");
}

absl::StatusOr<std::unique_ptr<DecisionLog>> DecisionLog::Open(
    Options options) {
  std::unique_ptr<DecisionLog> log(new DecisionLog(std::move(options)));
  const absl::Status status = log->EnsureOpen();
  if (absl::IsFailedPrecondition(status)) return status;
  log->NoteOutcome(status);
  log->writer_ = std::thread([log = log.get()] { log->Run(); });
  return log;
}

DecisionLog::DecisionLog(Options options)
    : options_(std::move(options)), queue_(options_.queue_capacity) {}

DecisionLog::~DecisionLog() { Stop(); }

void DecisionLog::Stop() {
  std::call_once(stop_once_, [this] {
    if (!writer_.joinable()) return;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      next_.stop = true;
    }
    wake_.notify_one();
    writer_.join();
  });
}

void DecisionLog::Enqueue(DecisionRecord record) {
  const size_t bytes = record.bytes.size();
  const size_t before =
      queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= options_.queue_bytes &&
      queue_.TryPush(std::move(record))) {
    return;
  }
  queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  decisions_dropped_full_.fetch_add(1, std::memory_order_relaxed);
}

bool DecisionLog::Take(DecisionRecord* record) {
  if (!queue_.TryPop(record)) return false;
  queued_bytes_.fetch_sub(record->bytes.size(), std::memory_order_relaxed);
  return true;
}

void DecisionLog::RecordFeedback(FeedbackRecord record, FeedbackDone done) {
  absl::Status refusal;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) {
      refusal = Stopped();
    } else if (next_.feedback.size() >= options_.feedback_capacity) {
      refusal = WithReason(absl::ResourceExhaustedError(
                               "decision log: too many feedback calls wait"),
                           "FEEDBACK_QUEUE_FULL");
    } else {
      next_.feedback.push_back({std::move(record), std::move(done)});
    }
  }
  if (refusal.ok()) {
    wake_.notify_one();
    return;
  }
  feedback_failed_.fetch_add(1, std::memory_order_relaxed);
  done(std::move(refusal));
}

void DecisionLog::Forget(const UserPseudonym& user, ForgetDone done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!stopped_) {
      next_.erasures.push_back({user, std::move(done)});
      done = nullptr;
    }
  }
  wake_.notify_one();
  if (done) done(Stopped());
}

void DecisionLog::Flush() {
  std::mutex mutex;
  std::condition_variable done;
  bool flushed = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_) return;
    next_.flushes.push_back([&] {
      std::lock_guard<std::mutex> flush_lock(mutex);
      flushed = true;
      done.notify_one();
    });
  }
  wake_.notify_one();
  std::unique_lock<std::mutex> lock(mutex);
  done.wait(lock, [&] { return flushed; });
}

absl::StatusOr<LogPage> DecisionLog::List(int64_t after, int limit,
                                          bool only_with_feedback) const {
  return ReadDecisions(options_.store.path, options_.store.vfs, after, limit,
                       only_with_feedback);
}

absl::StatusOr<LogPage> DecisionLog::ListFeedback(int64_t after,
                                                  int limit) const {
  return ReadFeedback(options_.store.path, options_.store.vfs, after, limit);
}

absl::StatusOr<LogEnds> DecisionLog::Ends() const {
  return ReadEnds(options_.store.path, options_.store.vfs);
}

DecisionLog::Turn DecisionLog::WaitForTurn(std::chrono::microseconds pause) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (pause.count() > 0) {
    wake_.wait_for(lock, pause, [this] { return next_.hurried(); });
  }
  Turn turn = std::exchange(next_, Turn());
  stopped_ = turn.stop;
  return turn;
}

void DecisionLog::Run() {
  ::pthread_setname_np(::pthread_self(), "decision_log");
  JoinThreadClass(ThreadClass::kSparing);
  const std::chrono::microseconds idle =
      absl::ToChronoMicroseconds(options_.flush_interval);
  const std::chrono::microseconds rest = std::min(kRest, idle);
  std::chrono::microseconds pause = rest;
  while (true) {
    Turn turn = WaitForTurn(pause);
    if (checkpoint_is_due_ && !turn.hurried()) {
      Checkpoint();
      pause = rest;
      continue;
    }
    int64_t taken = WriteDecisions();
    // Before these three, everything that was enqueued is written; what comes
    // meanwhile may wait, or under load there would be no end.
    if (!turn.erasures.empty() || !turn.flushes.empty() || turn.stop) {
      for (auto left = static_cast<int64_t>(queue_.ApproximateSize());
           left > 0 && taken > 0; left -= taken) {
        taken = WriteDecisions();
      }
    }
    if (turn.hurried() || CommitIsDue()) CommitBatch(&turn.feedback);
    for (PendingErasure& erasure : turn.erasures) Erase(&erasure);
    for (const auto& flushed : turn.flushes) flushed();
    if (turn.stop) break;
    pause = taken == kMaxSlice  ? std::chrono::microseconds(0)
            : transaction_.open ? rest
                                : std::min(2 * std::max(pause, rest), idle);
  }
  if (store_ != nullptr) store_->Checkpoint().IgnoreError();
  store_.reset();
}

int64_t DecisionLog::WriteDecisions() {
  // What fails once would fail for each: then all that wait are dropped at once.
  const int64_t limit = is_healthy() ? kMaxSlice : queue_.capacity();
  absl::Status status;
  DecisionRecord record;
  int64_t taken = 0;
  while (taken < limit && Take(&record)) {
    ++taken;
    if (status.ok()) status = EnsureTransaction();
    if (status.ok()) status = store_->AddDecision(record);
    ++transaction_.decisions;
  }
  if (!status.ok()) EndTransaction(status);
  return taken;
}

bool DecisionLog::CommitIsDue() const {
  if (!transaction_.open) return false;
  const int parts =
      transaction_.decisions >= kWorthASync ? kPartsOfInterval : 1;
  return Clock::now() - transaction_.begin >=
         absl::ToChronoNanoseconds(options_.flush_interval / parts);
}

void DecisionLog::Checkpoint() {
  checkpoint_is_due_ = false;
  // The next commit tells if the file cannot be written.
  if (store_ != nullptr) store_->PassiveCheckpoint().IgnoreError();
}

absl::Status DecisionLog::EnsureOpen() {
  if (damage_.has_value()) return *damage_;
  if (store_ != nullptr) return absl::OkStatus();
  ATTUNE_ASSIGN_OR_RETURN(store_, LogStore::Open(options_.store));
  return absl::OkStatus();
}

absl::Status DecisionLog::EnsureTransaction() {
  if (transaction_.open) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(EnsureOpen());
  ATTUNE_RETURN_IF_ERROR(store_->Begin());
  transaction_.open = true;
  transaction_.begin = Clock::now();
  return absl::OkStatus();
}

void DecisionLog::CommitBatch(std::vector<PendingFeedback>* feedback) {
  if (!transaction_.open && feedback->empty()) return;
  const absl::Status status = TryCommit(feedback);
  EndTransaction(status);
  checkpoint_is_due_ = status.ok();
  for (PendingFeedback& pending : *feedback) {
    if (!status.ok()) pending.answer = Detached(status);
    CountFeedback(pending);
    pending.done(std::move(pending.answer));
  }
}

absl::Status DecisionLog::TryCommit(std::vector<PendingFeedback>* feedback) {
  ATTUNE_RETURN_IF_ERROR(EnsureTransaction());
  for (PendingFeedback& pending : *feedback) {
    ATTUNE_RETURN_IF_ERROR(
        store_->AddFeedback(pending.record, &pending.answer));
  }
  ATTUNE_RETURN_IF_ERROR(
      store_->Trim(options_.clock(), transaction_.decisions));
  return store_->Commit();
}

void DecisionLog::EndTransaction(const absl::Status& status) {
  const Transaction ended = std::exchange(transaction_, {});
  (status.ok() ? commits_ : failed_commits_)
      .fetch_add(1, std::memory_order_relaxed);
  (status.ok() ? decisions_written_ : decisions_dropped_error_)
      .fetch_add(ended.decisions, std::memory_order_relaxed);
  if (status.ok() || !ended.open) return NoteOutcome(status);
  store_->Rollback();
  if (!absl::IsResourceExhausted(status)) return NoteOutcome(status);
  // The batch's own trimming was never reached: without this, a full file would
  // stay full, however old its rows become.
  const absl::Status made = store_->MakeRoom(options_.clock(), ended.decisions);
  NoteOutcome(made.ok() ? status : made);
}

void DecisionLog::Erase(PendingErasure* erasure) {
  const auto erase = [&]() -> absl::StatusOr<v1::ForgetUserResponse> {
    ATTUNE_RETURN_IF_ERROR(EnsureOpen());
    return store_->Erase(erasure->user, options_.clock());
  };
  auto erased = erase();
  NoteOutcome(erased.status());
  if (!erased.ok()) erased = Detached(erased.status());
  erasure->done(std::move(erased));
}

void DecisionLog::NoteOutcome(const absl::Status& status) {
  // Only a full disk leaves a handle that can be trusted.
  if (!status.ok() && !absl::IsResourceExhausted(status)) store_.reset();
  if (absl::IsDataLoss(status)) damage_ = status;
  const bool healthy = status.ok();
  if (healthy_.exchange(healthy) == healthy && told_health_) return;
  told_health_ = true;
  Log(healthy ? LogLevel::kInfo : LogLevel::kError,
      healthy ? "decision log is written" : "decision log cannot be written",
      {{"reason", healthy ? "OK" : ReasonOf(status)},
       {"error", std::string(status.message())}});
  if (options_.on_health) options_.on_health(healthy);
}

void DecisionLog::CountFeedback(const PendingFeedback& feedback) {
  std::atomic<int64_t>& counter = !feedback.answer.ok() ? feedback_failed_
                                  : feedback.answer->duplicate
                                      ? feedback_duplicate_
                                      : feedback_recorded_;
  counter.fetch_add(1, std::memory_order_relaxed);
}

LogStats DecisionLog::stats() const {
  const auto get = [](const std::atomic<int64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {.decisions_written = get(decisions_written_),
          .decisions_dropped_full = get(decisions_dropped_full_),
          .decisions_dropped_error = get(decisions_dropped_error_),
          .feedback_recorded = get(feedback_recorded_),
          .feedback_duplicate = get(feedback_duplicate_),
          .feedback_failed = get(feedback_failed_),
          .commits = get(commits_),
          .failed_commits = get(failed_commits_),
          .queued_decisions = static_cast<int64_t>(queue_.ApproximateSize()),
          .healthy = is_healthy()};
}

}  // namespace attune::server
