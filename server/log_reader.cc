// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_reader.h"

#include "absl/strings/escaping.h"
#include "policy/status_macros.h"
#include "server/log_record.h"
#include "server/sqlite.h"

namespace attune::server {
namespace {

constexpr char kSelect[] =
    "SELECT d.seq, d.decision, d.user, d.time, d.record, d.checksum,"
    " f.record, f.checksum FROM decisions d"
    " LEFT JOIN feedback f ON f.decision = d.decision"
    " WHERE d.seq > ? ORDER BY d.seq LIMIT ?";

// False if a checksum does not match.
bool FromRow(const Statement& row, v1::LoggedDecision* decision) {
  const std::string id = row.Blob(1);
  const std::string record = row.Blob(4);
  const std::string feedback = row.Blob(6);
  if (row.Int(5) != RowChecksum(id, record) ||
      !decision->ParseFromString(record)) {
    return false;
  }
  decision->set_state_digest(StateDigest(decision->state()));
  decision->set_decision_id(absl::BytesToHexString(id));
  decision->set_user(row.Blob(2));
  decision->mutable_decide_time()->set_seconds(row.Int(3));
  if (feedback.empty()) return true;
  return row.Int(7) == RowChecksum(id, feedback) &&
         decision->mutable_feedback()->ParseFromString(feedback);
}

constexpr char kSelectFeedback[] =
    "SELECT seq, decision, user, issue_time, record, checksum FROM feedback"
    " WHERE seq > ? ORDER BY seq LIMIT ?";

bool FeedbackFromRow(const Statement& row, v1::LoggedDecision* decision) {
  const std::string id = row.Blob(1);
  const std::string record = row.Blob(4);
  decision->set_decision_id(absl::BytesToHexString(id));
  decision->set_user(row.Blob(2));
  decision->mutable_decide_time()->set_seconds(row.Int(3));
  return row.Int(5) == RowChecksum(id, record) &&
         decision->mutable_feedback()->ParseFromString(record);
}

// Reads rows of a statement whose parameters are `after` and `limit`, and whose
// first column is the sequence number.
absl::StatusOr<LogPage> ReadPage(const std::string& path, const char* vfs,
                                 const char* sql, int64_t after, int limit,
                                 bool only_with_feedback,
                                 bool (*from_row)(const Statement&,
                                                  v1::LoggedDecision*)) {
  ATTUNE_ASSIGN_OR_RETURN(const auto database,
                          Database::Open(path, Database::Mode::kReadOnly, vfs));
  ATTUNE_ASSIGN_OR_RETURN(Statement select, database->Prepare(sql));
  select.Bind(1, after);
  select.Bind(2, int64_t{limit});
  LogPage page;
  page.last = after;
  int64_t bytes = 0;
  for (int rows = 0; bytes < kMaxPageBytes; ++rows) {
    ATTUNE_ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) {
      page.at_end = rows < limit;
      break;
    }
    page.last = select.Int(0);
    v1::LoggedDecision decision;
    if (!from_row(select, &decision)) {
      page.response.set_damaged_records(page.response.damaged_records() + 1);
    } else if (decision.has_feedback() || !only_with_feedback) {
      bytes += static_cast<int64_t>(decision.ByteSizeLong());
      *page.response.add_decisions() = std::move(decision);
    }
  }
  return page;
}

}  // namespace

absl::StatusOr<LogPage> ReadDecisions(const std::string& path, const char* vfs,
                                      int64_t after, int limit,
                                      bool only_with_feedback) {
  return ReadPage(path, vfs, kSelect, after, limit, only_with_feedback,
                  FromRow);
}

absl::StatusOr<LogPage> ReadFeedback(const std::string& path, const char* vfs,
                                     int64_t after, int limit) {
  return ReadPage(path, vfs, kSelectFeedback, after, limit, false,
                  FeedbackFromRow);
}

absl::StatusOr<LogEnds> ReadEnds(const std::string& path, const char* vfs) {
  ATTUNE_ASSIGN_OR_RETURN(const auto database,
                          Database::Open(path, Database::Mode::kReadOnly, vfs));
  ATTUNE_ASSIGN_OR_RETURN(
      Statement select,
      database->Prepare(
          "SELECT id, (SELECT coalesce(max(seq), 0) FROM decisions),"
          " (SELECT coalesce(max(seq), 0) FROM feedback) FROM identity"));
  ATTUNE_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return absl::DataLossError("decision log: no identity");
  return LogEnds{.identity = absl::BytesToHexString(select.Blob(0)),
                 .last_decision = select.Int(1),
                 .last_feedback = select.Int(2)};
}

}  // namespace attune::server
