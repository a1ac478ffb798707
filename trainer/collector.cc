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
    if (reply.is_nil()) return absl::OkStatus();
    ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List streams, reply.TakeList());
    if (streams.size() != 1) return absl::InternalError("redis: XREADGROUP");
    ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List stream, streams[0].TakeList());
    if (stream.size() != 2) return absl::InternalError("redis: XREADGROUP");
    ATTUNE_ASSIGN_OR_RETURN(const std::string last,
                            AddEntries(std::move(stream[1]), log));
    if (last.empty()) return absl::OkStatus();
    if (from != ">") after = last;
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
    ATTUNE_RETURN_IF_ERROR(AddEntries(std::move(parts[1]), log).status());
    if (from == "0-0") return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Collector::AddEntries(redis::Reply entries,
                                                  CollectedLog* log) {
  std::string last;
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List list, entries.TakeList());
  for (redis::Reply& entry : list) {
    ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List parts, entry.TakeList());
    if (parts.size() != 2) return absl::InternalError("redis: an entry of two");
    ATTUNE_ASSIGN_OR_RETURN(last, parts[0].TakeString());
    taken_.push_back(last);
    // Nil: somebody deleted it.
    auto fields = parts[1].TakeList();
    v1::LoggedDecision record;
    if (fields.ok() && fields->size() == 4 &&
        record.ParseFromString((*fields)[3].TakeString().value_or("")) &&
        !record.decision_id().empty()) {
      log->Add(std::move(record));
    } else {
      ++damaged_;
    }
  }
  return last;
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
    ATTUNE_RETURN_IF_ERROR(connection_.RunAll({acknowledge, remove}).status());
  }
  return absl::OkStatus();
}

}  // namespace attune::trainer
