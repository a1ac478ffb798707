// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sqlite_cache.h"

#include <sqlite3.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::trainer {
namespace {

constexpr int kApplicationId = 0x41545243;  // "ATRC"
constexpr int kSchemaVersion = 1;

std::string Column(sqlite3_stmt* statement, int i) {
  const void* data = sqlite3_column_blob(statement, i);
  const int size = sqlite3_column_bytes(statement, i);
  return data == nullptr ? ""
                         : std::string(static_cast<const char*>(data), size);
}

void Bind(sqlite3_stmt* statement, int i, const void* data, size_t size) {
  // A null pointer would bind NULL.
  sqlite3_bind_blob64(statement, i, size > 0 ? data : "", size,
                      SQLITE_TRANSIENT);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteCache>> SqliteCache::Open(
    const std::string& path, int busy_ms) {
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  std::unique_ptr<SqliteCache> cache(new SqliteCache(db));
  if (code != SQLITE_OK) return cache->Error(code);
  ATTUNE_RETURN_IF_ERROR(cache->Prepare(busy_ms));
  return cache;
}

SqliteCache::~SqliteCache() {
  sqlite3_finalize(select_);
  sqlite3_finalize(insert_);
  sqlite3_close(db_);
}

absl::Status SqliteCache::Error(int code) const {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return absl::OkStatus();
    case SQLITE_NOTADB:
      return absl::DataLossError("reward cache: is not an SQLite database");
    case SQLITE_CORRUPT:
      return absl::DataLossError("reward cache: the database is damaged");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(
          "reward cache: is locked by another process");
    case SQLITE_CANTOPEN:
      return absl::UnavailableError("reward cache: cannot be opened");
    case SQLITE_READONLY:
      return absl::UnavailableError("reward cache: cannot be written");
    case SQLITE_FULL:
      return absl::UnavailableError("reward cache: the disk is full");
    default:
      return absl::UnavailableError(
          absl::StrCat("reward cache: ", sqlite3_errstr(code)));
  }
}

absl::Status SqliteCache::Run(const char* sql) {
  return Error(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr));
}

absl::StatusOr<int> SqliteCache::ReadPragma(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr);
  int value = 0;
  if (code == SQLITE_OK) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) value = sqlite3_column_int(statement, 0);
  }
  sqlite3_finalize(statement);
  ATTUNE_RETURN_IF_ERROR(Error(code));
  return value;
}

absl::Status SqliteCache::Prepare(int busy_ms) {
  sqlite3_busy_timeout(db_, busy_ms);
  ATTUNE_ASSIGN_OR_RETURN(const int tables,
                          ReadPragma("SELECT count(*) FROM sqlite_master"));
  ATTUNE_ASSIGN_OR_RETURN(const int id, ReadPragma("PRAGMA application_id"));
  ATTUNE_ASSIGN_OR_RETURN(const int version, ReadPragma("PRAGMA user_version"));
  if (tables > 0 && (id != kApplicationId || version != kSchemaVersion)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "reward cache: is not a reward cache of schema ", kSchemaVersion));
  }
  ATTUNE_RETURN_IF_ERROR(Run("PRAGMA journal_mode=WAL"));
  ATTUNE_RETURN_IF_ERROR(Run("PRAGMA synchronous=NORMAL"));
  // Takes the write lock, so a locked file is noticed now and not after an hour
  // of LLM calls.
  const std::string schema = absl::StrCat(
      "BEGIN IMMEDIATE;"
      "CREATE TABLE IF NOT EXISTS answers(key BLOB PRIMARY KEY, text BLOB NOT "
      "NULL, scores BLOB NOT NULL) WITHOUT ROWID;"
      "PRAGMA application_id=",
      kApplicationId, ";PRAGMA user_version=", kSchemaVersion, ";COMMIT");
  ATTUNE_RETURN_IF_ERROR(Run(schema.c_str()));
  ATTUNE_RETURN_IF_ERROR(Error(
      sqlite3_prepare_v2(db_, "SELECT text, scores FROM answers WHERE key = ?",
                         -1, &select_, nullptr)));
  return Error(
      sqlite3_prepare_v2(db_, "INSERT OR IGNORE INTO answers VALUES(?, ?, ?)",
                         -1, &insert_, nullptr));
}

absl::StatusOr<std::optional<LlmAnswer>> SqliteCache::Get(
    const std::string& key) {
  Bind(select_, 1, key.data(), key.size());
  const int code = sqlite3_step(select_);
  std::optional<LlmAnswer> answer;
  std::string scores;
  if (code == SQLITE_ROW) {
    answer.emplace();
    answer->text = Column(select_, 0);
    scores = Column(select_, 1);
  }
  sqlite3_reset(select_);
  ATTUNE_RETURN_IF_ERROR(Error(code));
  if (scores.size() % sizeof(float) != 0) {
    return absl::DataLossError("reward cache: scores of a wrong length");
  }
  if (answer.has_value() && !scores.empty()) {
    answer->displayed_scores.resize(scores.size() / sizeof(float));
    std::memcpy(answer->displayed_scores.data(), scores.data(), scores.size());
  }
  return answer;
}

absl::Status SqliteCache::Insert(const std::string& key,
                                 const LlmAnswer& answer) {
  Bind(insert_, 1, key.data(), key.size());
  Bind(insert_, 2, answer.text.data(), answer.text.size());
  Bind(insert_, 3, answer.displayed_scores.data(),
       answer.displayed_scores.size() * sizeof(float));
  const int code = sqlite3_step(insert_);
  sqlite3_reset(insert_);
  return Error(code);
}

absl::Status SqliteCache::Put(
    absl::Span<const std::pair<std::string, const LlmAnswer*>> answers) {
  if (answers.empty()) return absl::OkStatus();
  ATTUNE_RETURN_IF_ERROR(Run("BEGIN IMMEDIATE"));
  absl::Status status;
  for (const auto& [key, answer] : answers) {
    status = Insert(key, *answer);
    if (!status.ok()) break;
  }
  if (status.ok()) status = Run("COMMIT");
  if (!status.ok()) Run("ROLLBACK").IgnoreError();
  return status;
}

}  // namespace attune::trainer
