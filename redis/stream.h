// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_REDIS_STREAM_H_
#define ATTUNE_REDIS_STREAM_H_

// What the commands of streams answer, as values.
//
// Pure functions; safe to call from any thread.

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "redis/reply.h"

namespace attune::redis {

struct StreamEntry {
  std::string id;
  // None if the entry was deleted.
  std::map<std::string, std::string> fields;
};

struct StreamEntries {
  std::string stream;
  std::vector<StreamEntry> entries;
};

// Of XRANGE, XCLAIM, a part of XAUTOCLAIM: [[id, [name, value, ...]], ...].
// kInternal if the reply is of another form, in all.
absl::StatusOr<std::vector<StreamEntry>> TakeEntries(Reply reply);

// Of XREAD and XREADGROUP: [[stream, entries], ...]; none of nil.
absl::StatusOr<std::vector<StreamEntries>> TakeStreams(Reply reply);

}  // namespace attune::redis

#endif  // ATTUNE_REDIS_STREAM_H_
