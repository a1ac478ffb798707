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

}  // namespace

absl::StatusOr<LogPage> ReadDecisions(const std::string& path, const char* vfs,
                                      int64_t after, int limit,
                                      bool only_with_feedback) {
  ATTUNE_ASSIGN_OR_RETURN(const auto database,
                          Database::Open(path, Database::Mode::kReadOnly, vfs));
  ATTUNE_ASSIGN_OR_RETURN(Statement select, database->Prepare(kSelect));
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
    if (!FromRow(select, &decision)) {
      page.response.set_damaged_records(page.response.damaged_records() + 1);
    } else if (decision.has_feedback() || !only_with_feedback) {
      bytes += static_cast<int64_t>(decision.ByteSizeLong());
      *page.response.add_decisions() = std::move(decision);
    }
  }
  return page;
}

}  // namespace attune::server
