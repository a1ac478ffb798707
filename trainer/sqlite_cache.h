// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SQLITE_CACHE_H_
#define ATTUNE_TRAINER_SQLITE_CACHE_H_

// Answers by key in one SQLite file (WAL), for the reward cache.
//
// Several processes may share a file. What Put() returned OK for survives a
// crash of the process; after a power loss the last answers may be missing.
// Thread-compatible.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "trainer/llm_backend.h"

struct sqlite3;
struct sqlite3_stmt;

namespace attune::trainer {

class SqliteCache {
 public:
  // Opens or creates the file; waits `busy_ms` for other processes' locks.
  //
  // kDataLoss if the file is no SQLite database or damaged, kFailedPrecondition
  // if it is a database of something else or of another schema, kUnavailable if
  // it is locked or cannot be opened.
  static absl::StatusOr<std::unique_ptr<SqliteCache>> Open(
      const std::string& path, int busy_ms = 5000);

  ~SqliteCache();

  // Text and scores of the answer under `key`; its usage is zero. nullopt if
  // there is none. Errors as of Open.
  absl::StatusOr<std::optional<LlmAnswer>> Get(const std::string& key);

  // Stores text and scores of all in one transaction; keys that are there stay
  // as they are.
  absl::Status Put(
      absl::Span<const std::pair<std::string, const LlmAnswer*>> answers);

 private:
  explicit SqliteCache(sqlite3* db) : db_(db) {}

  absl::Status Prepare(int busy_ms);
  absl::Status Run(const char* sql);
  absl::StatusOr<int> ReadPragma(const char* sql);
  absl::Status Insert(const std::string& key, const LlmAnswer& answer);
  absl::Status Error(int code) const;

  sqlite3* db_;
  sqlite3_stmt* select_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SQLITE_CACHE_H_
