// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/collector.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

constexpr char kPage[] = "500";
constexpr size_t kAcknowledgedAtOnce = 500;

}  // namespace

Collector::Collector(Options options)
    : options_(std::move(options)),
      connection_(options_.redis),
      stream_(options_.prefix + "feedback") {}

absl::StatusOr<CollectedLog::Counts> Collector::Collect(const std::string& path,
                                                        absl::Time oldest) {
  ATTUNE_ASSIGN_OR_RETURN(CollectedLog log, CollectedLog::Load(path));
  taken_.clear();
  damaged_ = 0;
  ATTUNE_RETURN_IF_ERROR(EnsureGroup());
  ATTUNE_RETURN_IF_ERROR(Take("0", &log));
  ATTUNE_RETURN_IF_ERROR(TakeDeadOnes(&log));
  ATTUNE_RETURN_IF_ERROR(Take(">", &log));
  ATTUNE_RETURN_IF_ERROR(log.Save(oldest));
  ATTUNE_RETURN_IF_ERROR(Acknowledge());
  return log.counts();
}

absl::Status Collector::EnsureGroup() {
  const absl::Status status =
      connection_
          .Run({"XGROUP", "CREATE", stream_, options_.group, "0", "MKSTREAM"})
          .status();
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

absl::Status Collector::Take(const std::string& from, CollectedLog* log) {
  std::string after = from;
  while (!IsFull()) {
    ATTUNE_ASSIGN_OR_RETURN(
        redis::Reply reply,
        connection_.Run({"XREADGROUP", "GROUP", options_.group,
                         options_.consumer, "COUNT", kPage, "STREAMS", stream_,
                         after}));
    ATTUNE_ASSIGN_OR_RETURN(auto streams, redis::TakeStreams(std::move(reply)));
    if (streams.empty() || streams[0].entries.empty()) return absl::OkStatus();
    AddEntries(std::move(streams[0].entries), log);
    if (from != ">") after = taken_.back();
  }
  return absl::OkStatus();
}

absl::Status Collector::TakeDeadOnes(CollectedLog* log) {
  const std::string idle =
      absl::StrCat(absl::ToInt64Milliseconds(options_.dead_after));
  std::string from = "0-0";
  while (!IsFull()) {
    ATTUNE_ASSIGN_OR_RETURN(
        redis::Reply reply,
        connection_.Run({"XAUTOCLAIM", stream_, options_.group,
                         options_.consumer, idle, from, "COUNT", kPage}));
    ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List parts, reply.TakeList());
    if (parts.size() < 2) return absl::InternalError("redis: XAUTOCLAIM");
    ATTUNE_ASSIGN_OR_RETURN(from, parts[0].TakeString());
    ATTUNE_ASSIGN_OR_RETURN(auto entries,
                            redis::TakeEntries(std::move(parts[1])));
    AddEntries(std::move(entries), log);
    if (from == "0-0") return absl::OkStatus();
  }
  return absl::OkStatus();
}

void Collector::AddEntries(std::vector<redis::StreamEntry> entries,
                           CollectedLog* log) {
  for (const redis::StreamEntry& entry : entries) {
    taken_.push_back(entry.id);
    const auto bytes = entry.fields.find("record");
    v1::LoggedDecision record;
    // Not there: somebody deleted it.
    if (bytes != entry.fields.end() && record.ParseFromString(bytes->second) &&
        !record.decision_id().empty()) {
      log->Add(std::move(record));
    } else {
      ++damaged_;
    }
  }
}

absl::Status Collector::Acknowledge() {
  for (size_t i = 0; i < taken_.size(); i += kAcknowledgedAtOnce) {
    const auto begin = taken_.begin() + static_cast<std::ptrdiff_t>(i);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(
                                 kAcknowledgedAtOnce, taken_.size() - i));
    std::vector<std::string_view> acknowledge = {"XACK", stream_,
                                                 options_.group};
    std::vector<std::string_view> remove = {"XDEL", stream_};
    acknowledge.insert(acknowledge.end(), begin, end);
    remove.insert(remove.end(), begin, end);
    // Deleted first: what is acknowledged and not deleted nobody reads again, and
    // nobody deletes.
    ATTUNE_RETURN_IF_ERROR(connection_.RunAll({remove, acknowledge}).status());
  }
  return absl::OkStatus();
}

}  // namespace attune::trainer
