// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_FAULT_VFS_H_
#define ATTUNE_TESTS_SERVER_FAULT_VFS_H_

// A layer between SQLite and the files that fails where it is told: full disks,
// I/O errors, syncs that do not come back, and power losses.
//
// Life cycle: registers itself under a name of its own until its destruction;
// no database may be open on it then. Thread-safe.

#include <sqlite3.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

namespace attune::server {

class FaultVfs {
 public:
  enum class Op { kWrite, kSync, kTruncate, kOpen, kDelete, kAny };

  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  // For sqlite3_open_v2.
  const char* name() const { return vfs_.zName; }

  // The n-th operation of this kind from now on ends with `code` (SQLITE_FULL,
  // SQLITE_IOERR_...), and all later ones too if `for_ever`. kAny counts writes,
  // syncs, truncations, openings and deletions alike.
  void Fail(Op op, int code, int n = 1, bool for_ever = true);
  // No failures from now on. Returns whether one has happened.
  bool Heal();

  // Syncs wait from now on / go on.
  void HoldSyncs();
  void ReleaseSyncs();
  // Blocks until a sync waits.
  void AwaitHeldSync();

  // Writes what a power loss now would leave of every file into `directory`: the
  // bytes of each file's last sync.
  void CopySynced(const std::string& directory);

  // For the C functions behind.
  int Check(Op op);
  void NoteSync(const std::string& path);
  void NoteDeletion(const std::string& path);
  sqlite3_vfs* real() const { return real_; }

 private:
  sqlite3_vfs* const real_;
  const std::string name_;
  sqlite3_vfs vfs_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  Op op_ = Op::kAny;
  int code_ = SQLITE_OK;
  int countdown_ = 0;
  bool for_ever_ = false;
  bool failed_ = false;
  bool hold_ = false;
  int held_ = 0;
  std::map<std::string, std::string> synced_;
};

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_FAULT_VFS_H_
