// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_LOGGED_DECISIONS_H_
#define ATTUNE_POLICY_LOGGED_DECISIONS_H_

// Files of logged decisions: what `attune export-log` writes and a trainer
// reads, so that neither needs the server's database.
//
// Format: the line kLoggedDecisionsMagic, then per decision its size as a
// Protobuf varint and its bytes (v1::LoggedDecision): Protobuf's usual
// length-delimited stream behind one line. Files can be joined by leaving out
// the later ones' first lines.
//
// Example:
//   ATTUNE_ASSIGN_OR_RETURN(auto reader, LoggedDecisionReader::Open(path));
//   v1::LoggedDecision decision;
//   while (true) {
//     ATTUNE_ASSIGN_OR_RETURN(const bool more, reader.Next(&decision));
//     if (!more) break;
//     ...
//   }

#include <cstdint>
#include <fstream>
#include <ostream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attune/v1/decision_log.pb.h"

namespace attune::policy {

inline constexpr char kLoggedDecisionsMagic[] = "attune.logged_decisions/1\n";
// No decision is larger: 1,000 history items with the longest titles fit.
inline constexpr int kMaxLoggedDecisionBytes = 8 << 20;

// Reads one file, front to back. Not thread-safe; owned by one thread.
class LoggedDecisionReader {
 public:
  // kNotFound if there is no such file; kInvalidArgument if it is none of ours.
  static absl::StatusOr<LoggedDecisionReader> Open(const std::string& path);

  // Replaces `decision` by the next one; false at the end of the file.
  // kDataLoss, naming the record, if the file ends within a record or a record
  // is no decision; the reader is of no use then.
  absl::StatusOr<bool> Next(v1::LoggedDecision* decision);

 private:
  explicit LoggedDecisionReader(std::ifstream in) : in_(std::move(in)) {}
  absl::Status Damaged(const char* what) const;

  std::ifstream in_;
  int64_t records_ = 0;
  std::string buffer_;
};

// Begins a file. Write errors are left in the stream's state.
void WriteLoggedDecisionsMagic(std::ostream& out);
void WriteLoggedDecision(const v1::LoggedDecision& decision, std::ostream& out);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_LOGGED_DECISIONS_H_
