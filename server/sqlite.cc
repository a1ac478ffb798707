// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/sqlite.h"

#include <sqlite3.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "policy/status_macros.h"
#include "server/error_reason.h"

namespace attune::server {
namespace {

absl::Status Error(int code) {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return absl::OkStatus();
    case SQLITE_FULL:
      return WithReason(
          absl::ResourceExhaustedError("decision log: no space is left"),
          "LOG_DISK_FULL");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return WithReason(
          absl::UnavailableError("decision log: locked by another process"),
          "LOG_BUSY");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return WithReason(absl::DataLossError("decision log: damaged"),
                        "LOG_DAMAGED");
    default:
      // sqlite3_errstr names the code, never a value.
      return WithReason(
          absl::UnavailableError(absl::StrCat(
              "decision log: ", sqlite3_errstr(code), " (", code, ")")),
          "LOG_IO_ERROR");
  }
}

// The bytes from `at` on, up to the size of `piece`.
absl::Status Read(sqlite3_file* file, sqlite3_int64 at,
                  absl::Span<char> piece) {
  const int code = file->pMethods->xRead(file, piece.data(),
                                         static_cast<int>(piece.size()), at);
  // A file that became shorter reads as zeros.
  return Error(code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code);
}

absl::StatusOr<bool> FileContains(sqlite3_file* file, std::string_view bytes) {
  constexpr sqlite3_int64 kPiece = sqlite3_int64{1} << 20;
  if (file == nullptr || file->pMethods == nullptr) return false;  // not open
  sqlite3_int64 size = 0;
  ATTUNE_RETURN_IF_ERROR(Error(file->pMethods->xFileSize(file, &size)));
  std::string piece;
  for (sqlite3_int64 at = 0; at < size; at += kPiece) {
    // What ends one piece begins the next, so that no border hides a match.
    const size_t kept = std::min(piece.size(), bytes.size() - 1);
    piece.erase(0, piece.size() - kept);
    piece.resize(kept + static_cast<size_t>(std::min(kPiece, size - at)));
    ATTUNE_RETURN_IF_ERROR(Read(file, at, absl::MakeSpan(piece).subspan(kept)));
    if (piece.find(bytes) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Statement::Bind(int parameter, std::string_view blob) {
  // A null pointer would bind NULL.
  sqlite3_bind_blob64(statement_.get(), parameter,
                      blob.empty() ? "" : blob.data(), blob.size(),
                      SQLITE_TRANSIENT);
}

void Statement::BindText(int parameter, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), parameter,
                      text.empty() ? "" : text.data(), text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::Bind(int parameter, int64_t number) {
  sqlite3_bind_int64(statement_.get(), parameter, number);
}

void Statement::BindNull(int parameter) {
  sqlite3_bind_null(statement_.get(), parameter);
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(statement_.get());
  ATTUNE_RETURN_IF_ERROR(Error(code));
  return false;
}

absl::Status Statement::Run() {
  const absl::Status status = Step().status();
  Reset();
  return status;
}

void Statement::Reset() { sqlite3_reset(statement_.get()); }

int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::Blob(int column) const {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? ""
                         : std::string(static_cast<const char*>(data), size);
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(
    const std::string& path, Mode mode, const char* vfs) {
  // SQLite would count its memory under a lock of all connections, at every
  // allocation. Refused, harmlessly, if SQLite was used before.
  static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(uncounted);
  const int flags = mode == Mode::kReadOnly
                        ? SQLITE_OPEN_READONLY
                        : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, vfs);
  std::unique_ptr<Database> database(new Database(handle));
  ATTUNE_RETURN_IF_ERROR(Error(code));
  constexpr int kBusyMilliseconds = 2000;
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // What a file says must not run; a torn page must be noticed.
  ATTUNE_RETURN_IF_ERROR(
      database->Execute("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; "
                        "PRAGMA mmap_size=0"));
  return database;
}

absl::Status Database::Execute(const char* sql) {
  return Error(sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr));
}

absl::StatusOr<int64_t> Database::QueryInt(const char* sql) {
  ATTUNE_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ATTUNE_ASSIGN_OR_RETURN(const bool found, statement.Step());
  if (!found) return absl::InternalError("decision log: no row");
  return statement.Int(0);
}

absl::StatusOr<Statement> Database::Prepare(const char* sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(
      database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  Statement statement;
  statement.statement_.reset(handle);
  ATTUNE_RETURN_IF_ERROR(Error(code));
  return statement;
}

absl::Status Database::Checkpoint() {
  return Error(sqlite3_wal_checkpoint_v2(
      database_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr));
}

absl::Status Database::PassiveCheckpoint() {
  return Error(sqlite3_wal_checkpoint_v2(
      database_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr));
}

absl::StatusOr<bool> Database::FilesContain(std::string_view bytes) {
  for (const int which :
       {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    ATTUNE_RETURN_IF_ERROR(
        Error(sqlite3_file_control(database_.get(), "main", which, &file)));
    ATTUNE_ASSIGN_OR_RETURN(const bool found, FileContains(file, bytes));
    if (found) return true;
  }
  return false;
}

int64_t Database::changes() const { return sqlite3_changes(database_.get()); }

}  // namespace attune::server
