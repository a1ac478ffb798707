// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/deliverer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "server/log.h"
#include "server/thread_class.h"

namespace attune::server {
namespace {

// Rows of one script: about a millisecond of Redis.
constexpr int kPageRows = 256;
// Between tries that fail.
constexpr absl::Duration kRestAfterError = absl::Seconds(1);

// KEYS: stream, marks. ARGV: field, mark as we know it, mark afterwards, most
// records, then id and bytes of each record.
constexpr char kAppend[] = R"lua(
local mark = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0')
if mark ~= tonumber(ARGV[2]) then return 'mark' end
if redis.call('XLEN', KEYS[1]) + (#ARGV - 4) / 2 > tonumber(ARGV[4]) then
  return 'full'
end
for i = 5, #ARGV, 2 do
  redis.call('XADD', KEYS[1], '*', 'decision', ARGV[i], 'record', ARGV[i + 1])
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
return 'ok')lua";

// When it was recorded.
absl::Time TimeOf(const v1::LoggedDecision& row) {
  return absl::FromUnixSeconds(row.has_feedback()
                                   ? row.feedback().record_time().seconds()
                                   : row.decide_time().seconds());
}

}  // namespace

Deliverer::Deliverer(Options options)
    : options_(std::move(options)),
      link_(options_.settings, RedisUse::kDeliver, options_.stats) {}

Deliverer::~Deliverer() { Stop(absl::ZeroDuration()); }

void Deliverer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Deliverer::Stop(absl::Duration limit) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    give_up_at_ = absl::Now() + limit;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Deliverer::Stopping() {
  std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

bool Deliverer::GaveUp() {
  std::lock_guard<std::mutex> lock(mutex_);
  return absl::Now() > give_up_at_;
}

void Deliverer::Rest(absl::Duration time) {
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_for(lock, absl::ToChronoMilliseconds(time),
                 [this] { return stopping_; });
}

void Deliverer::Run() {
  ::pthread_setname_np(::pthread_self(), "deliverer");
  JoinThreadClass(ThreadClass::kBackground);
  while (true) {
    const bool last = Stopping();
    const absl::Status status = DeliverAll();
    // Whom Redis does not answer now it will not answer in time.
    if (last || (!status.ok() && Stopping())) return;
    Rest(status.ok() ? options_.interval : kRestAfterError);
  }
}

absl::Status Deliverer::DeliverAll() {
  ATTUNE_ASSIGN_OR_RETURN(ends_, options_.log->Ends());
  absl::Status status = ReadMarks();
  for (bool more = true; more && status.ok() && !GaveUp();) {
    ATTUNE_ASSIGN_OR_RETURN(ends_, options_.log->Ends());
    more = false;
    // Feedback first: it was acknowledged.
    for (const Part part : {kFeedback, kDecisions}) {
      const auto delivered = DeliverPage(part);
      if (!delivered.ok()) status = delivered.status();
      more = more || delivered.value_or(false);
    }
  }
  NoteOutbox();
  return status;
}

absl::StatusOr<LogPage> Deliverer::ReadPage(Part part, int rows) const {
  return part == kFeedback ? options_.log->ListFeedback(marks_[part], rows)
                           : options_.log->List(marks_[part], rows, false);
}

int64_t Deliverer::LastOf(Part part) const {
  return part == kFeedback ? ends_.last_feedback : ends_.last_decision;
}

absl::StatusOr<bool> Deliverer::DeliverPage(Part part) {
  ATTUNE_ASSIGN_OR_RETURN(const LogPage page, ReadPage(part, kPageRows));
  if (page.last == marks_[part]) return false;
  return Append(part, page);
}

absl::StatusOr<bool> Deliverer::Append(Part part, const LogPage& page) {
  const RedisSettings& settings = options_.settings;
  const std::string stream = settings.Key("feedback");
  const std::string marks = settings.Key("delivered");
  std::vector<std::string> args = {Field(part), absl::StrCat(marks_[part]),
                                   absl::StrCat(page.last),
                                   absl::StrCat(settings.max_stream_records)};
  for (v1::LoggedDecision row : page.response.decisions()) {
    if (part == kDecisions) row.clear_feedback();
    args.push_back(row.decision_id());
    args.push_back(row.SerializeAsString());
  }
  ATTUNE_ASSIGN_OR_RETURN(
      redis::Reply reply,
      link_.RunScript(kAppend, {stream, marks},
                      std::vector<std::string_view>(args.begin(), args.end())));
  ATTUNE_ASSIGN_OR_RETURN(const std::string word, reply.TakeString());
  options_.stats->stream_full = word == "full";
  if (word == "full") {
    return absl::ResourceExhaustedError("redis: the stream is full");
  }
  if (word == "mark") {
    ATTUNE_RETURN_IF_ERROR(ReadMarks());
    return true;
  }
  marks_[part] = page.last;
  auto& delivered = part == kFeedback ? options_.stats->delivered_feedback
                                      : options_.stats->delivered_decisions;
  delivered += page.response.decisions_size();
  return true;
}

absl::Status Deliverer::ReadMarks() {
  const std::string key = options_.settings.Key("delivered");
  ATTUNE_ASSIGN_OR_RETURN(
      redis::Reply reply,
      link_.Run({"HMGET", key, Field(kFeedback), Field(kDecisions)}));
  ATTUNE_ASSIGN_OR_RETURN(const redis::Reply::List marks, reply.TakeList());
  if (marks.size() != kParts) return absl::InternalError("redis: HMGET of two");
  ATTUNE_RETURN_IF_ERROR(TakeMark(kFeedback, marks[0]));
  ATTUNE_RETURN_IF_ERROR(TakeMark(kDecisions, marks[1]));
  knows_marks_ = true;
  return absl::OkStatus();
}

absl::Status Deliverer::TakeMark(Part part, const redis::Reply& reply) {
  const int64_t last = LastOf(part);
  int64_t mark = 0;
  if (!reply.is_nil()) {
    ATTUNE_ASSIGN_OR_RETURN(mark, reply.Int());
  }
  if (mark < marks_[part]) {
    Log(LogLevel::kWarning, "redis went back: delivering again",
        {{"part", Field(part)}, {"from", mark}, {"to", marks_[part]}});
  }
  marks_[part] = mark;
  if (mark <= last) return absl::OkStatus();
  // The log's file was put back from a copy (or its last rows were erased): what it
  // holds was handed over, and what comes was not, whatever its numbers are.
  Log(LogLevel::kWarning, "the decision log is older than what was delivered",
      {{"part", Field(part)}, {"delivered", mark}, {"last", last}});
  marks_[part] = last;
  return link_
      .Run({"HSET", options_.settings.Key("delivered"), Field(part),
            absl::StrCat(last)})
      .status();
}

void Deliverer::NoteOutbox() {
  if (!knows_marks_) return;
  int64_t records = 0;
  absl::Time oldest = options_.clock();
  const absl::Time now = oldest;
  for (const Part part : {kFeedback, kDecisions}) {
    if (LastOf(part) <= marks_[part]) continue;
    records += LastOf(part) - marks_[part];
    const auto first = ReadPage(part, 1);
    if (!first.ok() || first->response.decisions().empty()) continue;
    oldest = std::min(oldest, TimeOf(first->response.decisions(0)));
  }
  options_.stats->outbox_records = records;
  options_.stats->outbox_age_seconds = absl::ToInt64Seconds(now - oldest);
}

std::string Deliverer::Field(Part part) const {
  return absl::StrCat(ends_.identity,
                      part == kFeedback ? ":feedback" : ":decisions");
}

}  // namespace attune::server
