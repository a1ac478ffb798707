// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LOG_READER_H_
#define ATTUNE_SERVER_LOG_READER_H_

// Reads pages of the decision log while another thread or process writes it.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "attune/v1/log_service.pb.h"

namespace attune::server {

// A page is cut before its records have more bytes than this; a message then
// stays below gRPC's usual limit of 4 MiB.
inline constexpr int64_t kMaxPageBytes = 2 << 20;

struct LogPage {
  // At most `limit` decisions that come after `after`, with their feedback.
  v1::ListDecisionsResponse response;
  // Where the next page begins.
  int64_t last = 0;
  // True if the log ended here.
  bool at_end = false;
};

// Reads the decisions after sequence number `after` (0 for all). Opens the file
// for itself and leaves it again, so that no reader keeps the write-ahead log
// from being emptied. Errors are those of sqlite.h. Blocks; safe to call from
// any thread.
absl::StatusOr<LogPage> ReadDecisions(const std::string& path, const char* vfs,
                                      int64_t after, int limit,
                                      bool only_with_feedback);

// The same of feedback, in the order it was recorded: each as a decision that has
// only decision_id, user, feedback, and decide_time (of the decision).
absl::StatusOr<LogPage> ReadFeedback(const std::string& path, const char* vfs,
                                     int64_t after, int limit);

// Which log this is, and how far it goes.
struct LogEnds {
  // 32 hexadecimal digits.
  std::string identity;
  // Sequence numbers; 0 if there are none.
  int64_t last_decision = 0;
  int64_t last_feedback = 0;
};
absl::StatusOr<LogEnds> ReadEnds(const std::string& path, const char* vfs);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LOG_READER_H_
