// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_DELIVERER_H_
#define ATTUNE_SERVER_DELIVERER_H_

// Hands decisions and feedback over to a stream in Redis, from which a trainer
// collects them. The decision log is the outbox: what was acknowledged is there,
// and is handed over from there, whenever Redis takes it. Under the prefix:
//   feedback    stream: `decision` (id), `record` (bytes of a v1::LoggedDecision
//               without feedback, or with nothing but feedback; see ReadFeedback)
//   delivered   hash: <log identity>:decisions, <log identity>:feedback -> the
//               sequence number up to which the log's rows are in the stream
//
// A turn begins with Redis' marks and hands over what comes after them. A script
// appends rows and moves their mark in one step, and only from the mark that we
// know; so as long as Redis keeps what it has, nothing is appended twice,
// whatever is lost on the way. If Redis lost something (a failover, a restart
// without its last second, FLUSHALL), the mark went back with the stream, and what
// comes after it is handed over again: at least once, with the decision's id to
// tell.
//
// When the stream is as long as it may be, or Redis is full, nothing is trimmed:
// rows wait in the log, for as long as the log keeps them. What ForgetUser erases
// before it was handed over never is.
//
// Life cycle: Start(); Stop(), or the destructor. What it borrows must outlive it.

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/decision_log.h"
#include "server/redis_link.h"

namespace attune::server {

class Deliverer {
 public:
  struct Options {
    RedisSettings settings;
    RedisStats* stats;
    const DecisionLog* log;
    // The time, for the age of what waits. Thread-safe. Required.
    std::function<absl::Time()> clock;
    // Between looks into the log.
    absl::Duration interval = absl::Milliseconds(200);
  };

  explicit Deliverer(Options options);
  ~Deliverer();
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;

  void Start();
  // Hands over what waits, for no longer than `limit`, and ends. Idempotent.
  void Stop(absl::Duration limit);

  // Hands over everything that waits, in this thread. Only without Start().
  // Redis' errors; kResourceExhausted if the stream is full.
  absl::Status DeliverAll();

 private:
  enum Part { kFeedback, kDecisions };
  static constexpr int kParts = 2;

  void Run();
  void Rest(absl::Duration time);
  bool Stopping();
  bool GaveUp();
  // Hands over a page of a part; false if there was nothing.
  absl::StatusOr<bool> DeliverPage(Part part);
  absl::StatusOr<LogPage> ReadPage(Part part, int rows) const;
  absl::StatusOr<bool> Append(Part part, const LogPage& page);
  // Asks Redis for the marks.
  absl::Status ReadMarks();
  absl::Status TakeMark(Part part, const redis::Reply& reply);
  void NoteOutbox();
  int64_t LastOf(Part part) const;
  std::string Field(Part part) const;

  const Options options_;
  RedisLink link_;
  // False until Redis has said the marks once.
  bool knows_marks_ = false;
  std::array<int64_t, kParts> marks_ = {};
  LogEnds ends_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;                           // guarded by mutex_
  absl::Time give_up_at_ = absl::InfiniteFuture();  // guarded by mutex_
  std::thread thread_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_DELIVERER_H_
