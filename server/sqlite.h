// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_SQLITE_H_
#define ATTUNE_SERVER_SQLITE_H_

// A thin layer over SQLite: owned handles, and its codes as statuses with the
// reasons of the API:
//   kResourceExhausted LOG_DISK_FULL  the disk is full, or the file as large as
//                                     it may get
//   kUnavailable       LOG_BUSY       another process holds the lock
//   kUnavailable       LOG_IO_ERROR   reading, writing, syncing or opening
//   kDataLoss          LOG_DAMAGED    the file is damaged or no database
// Messages hold no values.
//
// Not thread-safe; a database and its statements are owned by one thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace attune::server {

// A prepared statement. Must not outlive its database. Example:
//   ATTUNE_ASSIGN_OR_RETURN(Statement select, database->Prepare("..."));
//   select.Bind(1, id);
//   ATTUNE_ASSIGN_OR_RETURN(const bool found, select.Step());
class Statement {
 public:
  Statement() = default;

  // Parameters count from 1. The bytes are copied.
  void Bind(int parameter, std::string_view blob);
  void BindText(int parameter, std::string_view text);
  void Bind(int parameter, int64_t number);
  void BindNull(int parameter);

  // True if there is a row. After the last row, and after an error, the
  // statement is as new but for its parameters.
  absl::StatusOr<bool> Step();
  // Steps and forgets the rows.
  absl::Status Run();
  void Reset();

  // Of the row; columns count from 0.
  int64_t Int(int column) const;
  std::string Blob(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  enum class Mode { kReadOnly, kCreate };

  // `vfs` names the layer between SQLite and the files; null for the default.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        Mode mode,
                                                        const char* vfs);

  // One or several statements without rows of interest.
  absl::Status Execute(const char* sql);
  // The first column of the first row; kInternal if there is none.
  absl::StatusOr<int64_t> QueryInt(const char* sql);
  absl::StatusOr<Statement> Prepare(const char* sql);
  // Copies the whole write-ahead log into the file, syncs and truncates it.
  // kUnavailable if another connection still reads it.
  absl::Status Checkpoint();
  // Copies what it can of the write-ahead log into the file and syncs it; waits
  // for nobody. What was copied is written over by later transactions.
  absl::Status PassiveCheckpoint();
  // Whether the file or its write-ahead log holds the bytes. Reads with SQLite's
  // own descriptors: closing any other one of the file would drop all locks that
  // this process has on it, and another process could take the file for its own.
  // REQUIRES: the bytes are not empty.
  absl::StatusOr<bool> FilesContain(std::string_view bytes);
  // Rows that the last INSERT or DELETE changed.
  int64_t changes() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}

  const std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_SQLITE_H_
