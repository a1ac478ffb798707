// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/server/fault_vfs.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/server/temp_dir.h"

namespace attune::server {
namespace {

// What SQLite sees of a file; the real one's bytes follow.
struct File {
  sqlite3_file base;
  FaultVfs* owner;
  std::string* path;
};

// The real file begins where any type may.
constexpr size_t kHeaderBytes = (sizeof(File) + alignof(std::max_align_t) - 1) /
                                alignof(std::max_align_t) *
                                alignof(std::max_align_t);

File* Outer(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

sqlite3_file* Inner(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) +
                                         kHeaderBytes);
}

// Calls the real file's method of the same name.
template <auto kMethod, typename... Args>
auto Forward(sqlite3_file* file, Args... args) {
  return (Inner(file)->pMethods->*kMethod)(Inner(file), args...);
}

int Close(sqlite3_file* file) {
  const int code = Forward<&sqlite3_io_methods::xClose>(file);
  delete Outer(file)->path;
  return code;
}

int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 at) {
  const int code = Outer(file)->owner->Check(FaultVfs::Op::kWrite);
  return code != SQLITE_OK
             ? code
             : Forward<&sqlite3_io_methods::xWrite>(file, data, size, at);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int code = Outer(file)->owner->Check(FaultVfs::Op::kTruncate);
  return code != SQLITE_OK
             ? code
             : Forward<&sqlite3_io_methods::xTruncate>(file, size);
}

int Sync(sqlite3_file* file, int flags) {
  FaultVfs& owner = *Outer(file)->owner;
  const int code = owner.Check(FaultVfs::Op::kSync);
  if (code != SQLITE_OK) return code;
  owner.NoteSync(*Outer(file)->path);
  return Forward<&sqlite3_io_methods::xSync>(file, flags);
}

const sqlite3_io_methods kMethods = {
    .iVersion = 3,
    .xClose = Close,
    .xRead = Forward<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = Forward<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    .xLock = Forward<&sqlite3_io_methods::xLock, int>,
    .xUnlock = Forward<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock =
        Forward<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = Forward<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = Forward<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics =
        Forward<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap =
        Forward<&sqlite3_io_methods::xShmMap, int, int, int, void volatile**>,
    .xShmLock = Forward<&sqlite3_io_methods::xShmLock, int, int, int>,
    .xShmBarrier = Forward<&sqlite3_io_methods::xShmBarrier>,
    .xShmUnmap = Forward<&sqlite3_io_methods::xShmUnmap, int>,
    .xFetch = Forward<&sqlite3_io_methods::xFetch, sqlite3_int64, int, void**>,
    .xUnfetch = Forward<&sqlite3_io_methods::xUnfetch, sqlite3_int64, void*>,
};

FaultVfs& OwnerOf(sqlite3_vfs* vfs) {
  return *static_cast<FaultVfs*>(vfs->pAppData);
}

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags,
         int* out_flags) {
  FaultVfs& owner = OwnerOf(vfs);
  file->pMethods = nullptr;
  int code = owner.Check(FaultVfs::Op::kOpen);
  if (code != SQLITE_OK) return code;
  code = owner.real()->xOpen(owner.real(), path, Inner(file), flags, out_flags);
  if (code != SQLITE_OK) return code;
  Outer(file)->owner = &owner;
  Outer(file)->path = new std::string(path == nullptr ? "" : path);
  file->pMethods = &kMethods;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  FaultVfs& owner = OwnerOf(vfs);
  const int code = owner.Check(FaultVfs::Op::kDelete);
  if (code != SQLITE_OK) return code;
  owner.NoteDeletion(path);
  return owner.real()->xDelete(owner.real(), path, sync_directory);
}

std::string UniqueName() {
  static std::atomic<int> made{0};
  return "attune-fault-" + std::to_string(made.fetch_add(1));
}

}  // namespace

FaultVfs::FaultVfs()
    : real_(sqlite3_vfs_find(nullptr)), name_(UniqueName()), vfs_(*real_) {
  vfs_.szOsFile = static_cast<int>(kHeaderBytes) + real_->szOsFile;
  vfs_.zName = name_.c_str();
  vfs_.pNext = nullptr;
  vfs_.pAppData = this;
  vfs_.xOpen = Open;
  vfs_.xDelete = Delete;
  if (sqlite3_vfs_register(&vfs_, 0) != SQLITE_OK) std::abort();
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&vfs_); }

void FaultVfs::Fail(Op op, int code, int n, bool for_ever) {
  std::lock_guard<std::mutex> lock(mutex_);
  op_ = op;
  code_ = code;
  countdown_ = n;
  for_ever_ = for_ever;
  failed_ = false;
}

bool FaultVfs::Heal() {
  std::lock_guard<std::mutex> lock(mutex_);
  code_ = SQLITE_OK;
  return failed_;
}

int FaultVfs::Check(Op op) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (op == Op::kSync && hold_) {
    ++held_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !hold_; });
    --held_;
  }
  if (code_ == SQLITE_OK || (op_ != Op::kAny && op_ != op)) return SQLITE_OK;
  if (--countdown_ > 0 || (countdown_ < 0 && !for_ever_)) return SQLITE_OK;
  failed_ = true;
  return code_;
}

void FaultVfs::HoldSyncs() {
  std::lock_guard<std::mutex> lock(mutex_);
  hold_ = true;
}

void FaultVfs::ReleaseSyncs() {
  std::lock_guard<std::mutex> lock(mutex_);
  hold_ = false;
  changed_.notify_all();
}

void FaultVfs::AwaitHeldSync() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return held_ > 0; });
}

void FaultVfs::NoteSync(const std::string& path) {
  std::string bytes = ReadFile(path);
  std::lock_guard<std::mutex> lock(mutex_);
  synced_[path] = std::move(bytes);
}

void FaultVfs::NoteDeletion(const std::string& path) {
  std::lock_guard<std::mutex> lock(mutex_);
  synced_.erase(path);
}

void FaultVfs::CopySynced(const std::string& directory) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::filesystem::create_directories(directory);
  for (const auto& [path, bytes] : synced_) {
    const auto name = std::filesystem::path(path).filename();
    std::ofstream(std::filesystem::path(directory) / name, std::ios::binary)
        << bytes;
  }
}

}  // namespace attune::server
