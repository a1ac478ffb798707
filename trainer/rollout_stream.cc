// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rollout_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "redis/stream.h"

namespace attune::trainer {
namespace {

using redis::Reply;
using redis::StreamEntries;
using redis::StreamEntry;

constexpr std::string_view kGroup = "workers";
// Answers that are read at a time.
constexpr std::string_view kMostAnswers = "256";
// Of answers whose learner does not come for them.
constexpr std::string_view kAnswersLastMs = "3600000";

// The group begins at 0: what was added before there was one is to be done too.
constexpr std::string_view kOpen = R"lua(
redis.pcall('XGROUP', 'CREATE', KEYS[1], 'workers', '0', 'MKSTREAM')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
)lua";

// All at once, so that a worker that waits gets a whole batch.
constexpr std::string_view kAdd = R"lua(
local entries = {}
for i = 1, #ARGV, 2 do
  entries[#entries + 1] = redis.call('XADD', KEYS[1], '*', 'id', ARGV[i],
                                     'request', ARGV[i + 1])
end
return entries
)lua";

constexpr std::string_view kMissing = R"lua(
local missing = {}
for _, entry in ipairs(ARGV) do
  if #redis.call('XRANGE', KEYS[1], entry, entry) == 0 then
    missing[#missing + 1] = entry
  end
end
return missing
)lua";

// Only who still finds the request pending answers it.
constexpr std::string_view kAnswer = R"lua(
if redis.call('XACK', KEYS[1], 'workers', ARGV[1]) == 0 then return 0 end
redis.call('XDEL', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[2], '*', 'id', ARGV[2], 'answer', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
)lua";

std::string RequestsKey(std::string_view prefix, std::string_view run) {
  return absl::StrCat(std::string(prefix),
                      "rollout:requests:", std::string(run));
}

std::string AnswersKey(std::string_view prefix, std::string_view run) {
  return absl::StrCat(std::string(prefix),
                      "rollout:answers:", std::string(run));
}

std::string Millis(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Milliseconds(duration));
}

// Those that nobody deleted.
std::vector<StreamEntry> Left(std::vector<StreamEntry> entries) {
  std::erase_if(entries,
                [](const auto& entry) { return entry.fields.empty(); });
  return entries;
}

RolloutJob JobOf(StreamEntry entry, const std::string& run) {
  return {.run = run,
          .entry = std::move(entry.id),
          .id = std::move(entry.fields["id"]),
          .request = std::move(entry.fields["request"])};
}

// What XPENDING says: deliveries so far, by entry.
absl::StatusOr<std::map<std::string, int64_t>> ReadPending(Reply& reply) {
  std::map<std::string, int64_t> deliveries;
  ATTUNE_ASSIGN_OR_RETURN(Reply::List list, reply.TakeList());
  for (Reply& element : list) {
    ATTUNE_ASSIGN_OR_RETURN(Reply::List row, element.TakeList());
    if (row.size() != 4) return absl::InternalError("redis: no pending entry");
    ATTUNE_ASSIGN_OR_RETURN(const std::string entry, row[0].TakeString());
    ATTUNE_ASSIGN_OR_RETURN(deliveries[entry], row[3].Int());
  }
  return deliveries;
}

absl::StatusOr<std::vector<std::string>> ReadStrings(Reply& reply) {
  std::vector<std::string> strings;
  ATTUNE_ASSIGN_OR_RETURN(Reply::List list, reply.TakeList());
  for (Reply& element : list) {
    ATTUNE_ASSIGN_OR_RETURN(std::string text, element.TakeString());
    strings.push_back(std::move(text));
  }
  return strings;
}

}  // namespace

RolloutStream::RolloutStream(redis::Connection& connection,
                             const std::string& prefix, const std::string& run)
    : connection_(connection),
      requests_(RequestsKey(prefix, run)),
      answers_(AnswersKey(prefix, run)) {}

absl::Status RolloutStream::Open(absl::Duration how_long) {
  return connection_.RunScript(kOpen, {requests_}, {Millis(how_long)}).status();
}

absl::Status RolloutStream::Close() {
  return connection_.Run({"DEL", requests_, answers_}).status();
}

absl::StatusOr<std::vector<std::string>> RolloutStream::Add(
    absl::Span<const RolloutJob* const> jobs) {
  std::vector<std::string_view> args;
  for (const RolloutJob* job : jobs) {
    args.push_back(job->id);
    args.push_back(job->request);
  }
  ATTUNE_ASSIGN_OR_RETURN(Reply reply,
                          connection_.RunScript(kAdd, {requests_}, args));
  return ReadStrings(reply);
}

absl::StatusOr<std::vector<std::string>> RolloutStream::Missing(
    const std::vector<std::string>& entries) {
  const std::vector<std::string_view> views(entries.begin(), entries.end());
  ATTUNE_ASSIGN_OR_RETURN(Reply reply,
                          connection_.RunScript(kMissing, {requests_}, views));
  return ReadStrings(reply);
}

absl::Status RolloutStream::Withdraw(const std::vector<std::string>& entries) {
  if (entries.empty()) return absl::OkStatus();
  std::vector<std::string_view> remove = {"XDEL", requests_};
  remove.insert(remove.end(), entries.begin(), entries.end());
  return connection_.Run(remove).status();
}

absl::StatusOr<std::vector<RolloutReply>> RolloutStream::Take(
    absl::Duration wait) {
  // From the beginning, and removed once read: so a lost reply is read again,
  // and it does not matter if Redis lost its entries and counts from anew.
  ATTUNE_ASSIGN_OR_RETURN(
      Reply reply,
      connection_.Run({"XREAD", "COUNT", kMostAnswers, "BLOCK",
                       Millis(std::max(wait, absl::Milliseconds(1))), "STREAMS",
                       answers_, "0"},
                      wait));
  ATTUNE_ASSIGN_OR_RETURN(std::vector<StreamEntries> streams,
                          redis::TakeStreams(std::move(reply)));
  std::vector<RolloutReply> replies;
  if (streams.empty()) return replies;
  std::vector<std::string> read;
  for (StreamEntries& stream : streams) {
    for (StreamEntry& entry : Left(std::move(stream.entries))) {
      replies.push_back({.id = std::move(entry.fields["id"]),
                         .answer = std::move(entry.fields["answer"])});
      read.push_back(std::move(entry.id));
    }
  }
  std::vector<std::string_view> remove = {"XDEL", answers_};
  remove.insert(remove.end(), read.begin(), read.end());
  // Else they come again, and whoever asked knows them.
  connection_.Run(remove).IgnoreError();
  return replies;
}

absl::StatusOr<std::vector<RolloutJob>> RolloutJobs::Take(
    const std::vector<std::string>& runs, int count, absl::Duration wait) {
  const int streams = static_cast<int>(runs.size());
  const std::string each =
      absl::StrCat(std::max(1, (count + streams - 1) / streams));
  const std::string block = Millis(wait);
  std::vector<std::string> keys;
  for (const std::string& run : runs) keys.push_back(RequestsKey(prefix_, run));
  std::vector<std::string_view> command = {"XREADGROUP", "GROUP", kGroup,
                                           worker_,      "COUNT", each,
                                           "BLOCK",      block,   "STREAMS"};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), keys.size(), ">");
  ATTUNE_ASSIGN_OR_RETURN(Reply reply, connection_.Run(command, wait));
  ATTUNE_ASSIGN_OR_RETURN(std::vector<StreamEntries> read,
                          redis::TakeStreams(std::move(reply)));
  std::vector<RolloutJob> jobs;
  for (StreamEntries& stream : read) {
    const auto found = std::find(keys.begin(), keys.end(), stream.stream);
    if (found == keys.end()) return absl::InternalError("redis: other stream");
    for (StreamEntry& entry : Left(std::move(stream.entries))) {
      jobs.push_back(JobOf(std::move(entry), runs[found - keys.begin()]));
    }
  }
  return jobs;
}

absl::StatusOr<std::vector<RolloutJob>> RolloutJobs::TakeOver(
    const std::string& run, absl::Duration lease, int count) {
  const std::string key = RequestsKey(prefix_, run);
  const std::string idle = Millis(lease);
  ATTUNE_ASSIGN_OR_RETURN(
      Reply reply, connection_.Run({"XPENDING", key, kGroup, "IDLE", idle, "-",
                                    "+", absl::StrCat(count)}));
  ATTUNE_ASSIGN_OR_RETURN(const auto deliveries, ReadPending(reply));
  std::vector<RolloutJob> jobs;
  if (deliveries.empty()) return jobs;
  // Who is quicker gets them: the others find them taken just now.
  std::vector<std::string_view> claim = {"XCLAIM", key, kGroup, worker_, idle};
  for (const auto& [entry, count_so_far] : deliveries) claim.push_back(entry);
  ATTUNE_ASSIGN_OR_RETURN(reply, connection_.Run(claim));
  ATTUNE_ASSIGN_OR_RETURN(std::vector<StreamEntry> entries,
                          redis::TakeEntries(std::move(reply)));
  for (StreamEntry& entry : Left(std::move(entries))) {
    const auto found = deliveries.find(entry.id);
    RolloutJob job = JobOf(std::move(entry), run);
    if (found != deliveries.end()) job.deliveries = found->second + 1;
    jobs.push_back(std::move(job));
  }
  return jobs;
}

absl::Status RolloutJobs::Renew(absl::Span<const RolloutJob> jobs) {
  std::vector<std::string> keys;
  for (const RolloutJob& job : jobs)
    keys.push_back(RequestsKey(prefix_, job.run));
  std::vector<std::vector<std::string_view>> commands;
  for (size_t i = 0; i < jobs.size(); ++i) {
    // Only the time: nobody is given it anew.
    commands.push_back(
        {"XCLAIM", keys[i], kGroup, worker_, "0", jobs[i].entry, "JUSTID"});
  }
  return connection_.RunAll(commands).status();
}

absl::StatusOr<int> RolloutJobs::Answer(
    absl::Span<const RolloutJob> jobs,
    const std::vector<std::string>& answers) {
  std::vector<std::pair<std::string, std::string>> keys;
  for (const RolloutJob& job : jobs) {
    keys.emplace_back(RequestsKey(prefix_, job.run),
                      AnswersKey(prefix_, job.run));
  }
  std::vector<std::vector<std::string_view>> commands;
  for (size_t i = 0; i < jobs.size(); ++i) {
    commands.push_back({"EVAL", kAnswer, "2", keys[i].first, keys[i].second,
                        jobs[i].entry, jobs[i].id, answers[i], kAnswersLastMs});
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<Reply> replies,
                          connection_.RunAll(commands));
  int first = 0;
  for (const Reply& reply : replies) {
    ATTUNE_ASSIGN_OR_RETURN(const int64_t done, reply.Int());
    first += static_cast<int>(done);
  }
  return first;
}

}  // namespace attune::trainer
