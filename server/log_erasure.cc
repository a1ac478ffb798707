// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// LogStore::Erase and what belongs to it.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "policy/digest.h"
#include "policy/status_macros.h"
#include "server/error_reason.h"
#include "server/log_store.h"

namespace attune::server {
namespace {

constexpr std::string_view kHashContext = "attune.forgotten.v1";

std::string HashOf(const UserPseudonym& user) {
  return policy::Sha256(
      absl::StrCat(std::string(kHashContext), std::string(BytesOf(user))));
}

absl::StatusOr<int64_t> DeleteFrom(Database& database, const char* sql,
                                   const UserPseudonym& user) {
  ATTUNE_ASSIGN_OR_RETURN(Statement statement, database.Prepare(sql));
  statement.Bind(1, BytesOf(user));
  ATTUNE_RETURN_IF_ERROR(statement.Run());
  return database.changes();
}

}  // namespace

bool LogStore::IsForgotten(const UserPseudonym& user, absl::Time made) const {
  if (forgotten_.empty() || IsAnonymous(user)) return false;
  const std::string hash = HashOf(user);
  return std::any_of(forgotten_.begin(), forgotten_.end(),
                     [&](const Forgotten& entry) {
                       return entry.user_hash == hash &&
                              absl::ToUnixSeconds(made) <= entry.seconds;
                     });
}

absl::StatusOr<v1::ForgetUserResponse> LogStore::Erase(
    const UserPseudonym& user, absl::Time now) {
  v1::ForgetUserResponse erased;
  ATTUNE_RETURN_IF_ERROR(Begin());
  absl::Status status = DeleteRows(user, now, &erased);
  if (status.ok()) status = Commit();
  if (!status.ok()) {
    Rollback();
    return status;
  }
  ATTUNE_RETURN_IF_ERROR(LoadForgotten());
  ATTUNE_RETURN_IF_ERROR(database_->Checkpoint());
  if (erased.erased_decisions() + erased.erased_feedback() == 0) {
    ATTUNE_ASSIGN_OR_RETURN(const bool is_left,
                            database_->FilesContain(BytesOf(user)));
    if (!is_left) return erased;
  }
  // secure_delete overwrites rows where they were; a page that SQLite had
  // rearranged before may still hold an older copy. A new file holds none.
  ATTUNE_RETURN_IF_ERROR(database_->Execute("VACUUM"));
  ATTUNE_RETURN_IF_ERROR(database_->Checkpoint());
  ATTUNE_ASSIGN_OR_RETURN(const bool still_left,
                          database_->FilesContain(BytesOf(user)));
  if (still_left) {
    return WithReason(
        absl::UnavailableError("decision log: the user is still in its files"),
        "ERASURE_INCOMPLETE");
  }
  return erased;
}

absl::Status LogStore::DeleteRows(const UserPseudonym& user, absl::Time now,
                                  v1::ForgetUserResponse* erased) {
  Database& db = *database_;
  ATTUNE_ASSIGN_OR_RETURN(
      const int64_t decisions,
      DeleteFrom(db, "DELETE FROM decisions WHERE user = ?", user));
  ATTUNE_ASSIGN_OR_RETURN(
      const int64_t feedback,
      DeleteFrom(db, "DELETE FROM feedback WHERE user = ?", user));
  erased->set_erased_decisions(decisions);
  erased->set_erased_feedback(feedback);
  const int64_t seconds = absl::ToUnixSeconds(now);
  ATTUNE_ASSIGN_OR_RETURN(Statement expire,
                          db.Prepare("DELETE FROM forgotten WHERE time < ?"));
  expire.Bind(1, absl::ToUnixSeconds(now - options_.feedback_window));
  ATTUNE_RETURN_IF_ERROR(expire.Run());
  ATTUNE_ASSIGN_OR_RETURN(
      Statement insert,
      db.Prepare("INSERT OR REPLACE INTO forgotten VALUES(?, ?)"));
  insert.Bind(1, HashOf(user));
  insert.Bind(2, seconds);
  return insert.Run();
}

}  // namespace attune::server
