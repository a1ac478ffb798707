// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tests/testing/fault_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

extern "C" int __real_open(const char* path, int flags, ...);

namespace attune::testing {
namespace {

std::atomic<FaultFiles*> active = nullptr;

std::string PathOf(int fd) {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd),
                                       error)
      .string();
}

// What a file that is open has, whatever became of its name.
std::string BytesOf(int fd, size_t size) {
  const int copy = __real_open(("/proc/self/fd/" + std::to_string(fd)).c_str(),
                               O_RDONLY | O_CLOEXEC);
  std::string bytes(size, '\0');
  const ssize_t got = ::pread(copy, bytes.data(), size, 0);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  ::close(copy);
  return bytes;
}

// True if the call must fail; errno says how.
bool Fails() {
  FaultFiles* const faults = active.load();
  const int error = faults == nullptr ? 0 : faults->Check();
  if (error != 0) errno = error;
  return error != 0;
}

}  // namespace

FaultFiles::FaultFiles() {
  if (active.exchange(this) != nullptr) std::abort();
}

FaultFiles::~FaultFiles() { active.store(nullptr); }

void FaultFiles::Fail(int n, int error, bool for_ever) {
  std::lock_guard<std::mutex> lock(mutex_);
  countdown_ = n;
  error_ = error;
  for_ever_ = for_ever;
  failed_ = false;
}

bool FaultFiles::Heal() {
  std::lock_guard<std::mutex> lock(mutex_);
  error_ = 0;
  return std::exchange(failed_, false);
}

int FaultFiles::calls() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return calls_;
}

int FaultFiles::Check() {
  std::lock_guard<std::mutex> lock(mutex_);
  ++calls_;
  if (error_ == 0 || --countdown_ > 0) return 0;
  if (countdown_ < 0 && !for_ever_) return 0;
  failed_ = true;
  return error_;
}

void FaultFiles::NoteNew(int fd) {
  struct stat info;
  if (::fstat(fd, &info) != 0 || info.st_size > 0) return;
  std::lock_guard<std::mutex> lock(mutex_);
  // The number may have been a file's that is gone.
  if (info.st_nlink == 1 && S_ISREG(info.st_mode)) bytes_.erase(info.st_ino);
}

void FaultFiles::NoteSync(int fd) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return;
  if (!S_ISDIR(info.st_mode)) {
    std::lock_guard<std::mutex> lock(mutex_);
    bytes_[info.st_ino] = BytesOf(fd, static_cast<size_t>(info.st_size));
    return;
  }
  const std::string path = PathOf(fd);
  std::lock_guard<std::mutex> lock(mutex_);
  auto& names = names_[path];
  names.clear();
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    struct stat file;
    if (::stat(entry.path().c_str(), &file) != 0) continue;
    if (S_ISREG(file.st_mode)) names[entry.path().filename()] = file.st_ino;
  }
}

std::map<std::string, std::string> FaultFiles::SyncedFiles(
    const std::string& directory) const {
  std::map<std::string, std::string> files;
  std::lock_guard<std::mutex> lock(mutex_);
  const auto names = names_.find(directory);
  if (names == names_.end()) return files;
  for (const auto& [name, file] : names->second) {
    const auto bytes = bytes_.find(file);
    files[name] = bytes == bytes_.end() ? "" : bytes->second;
  }
  return files;
}

void FaultFiles::CopySynced(const std::string& directory,
                            const std::string& to) const {
  std::filesystem::create_directories(to);
  for (const auto& [name, bytes] : SyncedFiles(directory)) {
    std::ofstream(to + "/" + name, std::ios::binary) << bytes;
  }
}

extern "C" {

ssize_t __real_read(int fd, void* buffer, size_t size);
ssize_t __real_write(int fd, const void* bytes, size_t size);
int __real_fsync(int fd);
off_t __real_lseek(int fd, off_t offset, int whence);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);

int __wrap_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (Fails()) return -1;
  const bool is_new = (flags & O_CREAT) != 0 && ::access(path, F_OK) != 0;
  const int fd = __real_open(path, flags, mode);
  FaultFiles* const faults = active.load();
  if (faults != nullptr && is_new && fd >= 0) faults->NoteNew(fd);
  return fd;
}

ssize_t __wrap_read(int fd, void* buffer, size_t size) {
  return Fails() ? -1 : __real_read(fd, buffer, size);
}

ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
  if (!Fails()) return __real_write(fd, bytes, size);
  const int error = errno;
  static_cast<void>(!__real_write(fd, bytes, size / 2));
  errno = error;
  return -1;
}

int __wrap_fsync(int fd) {
  if (Fails()) return -1;
  const int result = __real_fsync(fd);
  FaultFiles* const faults = active.load();
  if (faults != nullptr && result == 0) faults->NoteSync(fd);
  return result;
}

off_t __wrap_lseek(int fd, off_t offset, int whence) {
  return Fails() ? -1 : __real_lseek(fd, offset, whence);
}

int __wrap_rename(const char* from, const char* to) {
  return Fails() ? -1 : __real_rename(from, to);
}

int __wrap_unlink(const char* path) {
  return Fails() ? -1 : __real_unlink(path);
}

}  // extern "C"

}  // namespace attune::testing
