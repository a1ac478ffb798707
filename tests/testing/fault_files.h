// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TESTING_FAULT_FILES_H_
#define ATTUNE_TESTS_TESTING_FAULT_FILES_H_

// A layer between our code and the files that fails where it is told: open,
// read, write, fsync, lseek, rename and unlink of every library of ours that is
// linked into the program (the linker's --wrap). Libraries of others, SQLite
// among them (see server/fault_vfs.h), do not come through here.
//
// Life cycle: calls count, fail and are remembered from construction to
// destruction; one object at a time. Thread-safe.

#include <sys/types.h>

#include <map>
#include <mutex>
#include <string>

namespace attune::testing {

class FaultFiles {
 public:
  FaultFiles();
  ~FaultFiles();
  FaultFiles(const FaultFiles&) = delete;
  FaultFiles& operator=(const FaultFiles&) = delete;

  // The n-th call from now on fails with this errno, and all later ones too if
  // `for_ever`. A write that fails has written half.
  void Fail(int n, int error, bool for_ever = false);
  // No failures from now on. Returns whether one has happened.
  bool Heal();
  // Calls since construction.
  int calls() const;

  // What a power loss now would leave of the files in `directory`, by name: the
  // names of its last sync with the bytes of each file's last sync. A name without
  // a file that was ever synced leaves an empty file.
  std::map<std::string, std::string> SyncedFiles(
      const std::string& directory) const;
  // Writes them into `to`.
  void CopySynced(const std::string& directory, const std::string& to) const;

  // For the functions behind. The errno to fail with, or 0.
  int Check();
  void NoteNew(int fd);
  void NoteSync(int fd);

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  int calls_ = 0;
  int countdown_ = 0;
  int error_ = 0;
  bool for_ever_ = false;
  bool failed_ = false;
  std::map<ino_t, std::string> bytes_;
  std::map<std::string, std::map<std::string, ino_t>> names_;
};

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TESTING_FAULT_FILES_H_
