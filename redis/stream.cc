// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "redis/stream.h"

#include <utility>

#include "policy/status_macros.h"

namespace attune::redis {
namespace {

// [first, second].
absl::StatusOr<std::pair<Reply, Reply>> TakePair(Reply reply) {
  ATTUNE_ASSIGN_OR_RETURN(Reply::List list, reply.TakeList());
  if (list.size() != 2) return absl::InternalError("redis: no pair");
  return std::pair(std::move(list[0]), std::move(list[1]));
}

}  // namespace

absl::StatusOr<std::vector<StreamEntry>> TakeEntries(Reply reply) {
  std::vector<StreamEntry> entries;
  ATTUNE_ASSIGN_OR_RETURN(Reply::List list, reply.TakeList());
  for (Reply& element : list) {
    // What XCLAIM no longer finds.
    if (element.is_nil()) continue;
    ATTUNE_ASSIGN_OR_RETURN(auto pair, TakePair(std::move(element)));
    StreamEntry& entry = entries.emplace_back();
    ATTUNE_ASSIGN_OR_RETURN(entry.id, pair.first.TakeString());
    if (pair.second.is_nil()) continue;
    ATTUNE_ASSIGN_OR_RETURN(Reply::List fields, pair.second.TakeList());
    for (size_t i = 0; i + 1 < fields.size(); i += 2) {
      ATTUNE_ASSIGN_OR_RETURN(const std::string name, fields[i].TakeString());
      ATTUNE_ASSIGN_OR_RETURN(entry.fields[name], fields[i + 1].TakeString());
    }
  }
  return entries;
}

absl::StatusOr<std::vector<StreamEntries>> TakeStreams(Reply reply) {
  std::vector<StreamEntries> streams;
  if (reply.is_nil()) return streams;
  ATTUNE_ASSIGN_OR_RETURN(Reply::List list, reply.TakeList());
  for (Reply& element : list) {
    ATTUNE_ASSIGN_OR_RETURN(auto pair, TakePair(std::move(element)));
    StreamEntries& stream = streams.emplace_back();
    ATTUNE_ASSIGN_OR_RETURN(stream.stream, pair.first.TakeString());
    ATTUNE_ASSIGN_OR_RETURN(stream.entries,
                            TakeEntries(std::move(pair.second)));
  }
  return streams;
}

}  // namespace attune::redis
