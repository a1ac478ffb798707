// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"

namespace attune::server {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno, "cannot write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadRest(int fd, const std::string& path,
                                     int64_t max_bytes) {
  std::string bytes;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "cannot read", path);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
    if (static_cast<int64_t>(bytes.size()) > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, ": longer than ", max_bytes, " bytes"));
    }
  }
}

absl::Status SyncDirectoryOf(const std::string& path) {
  const std::string directory =
      (std::filesystem::absolute(path).parent_path()).string();
  FileDescriptor fd(
      ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) {
    return ErrnoStatus(errno, "cannot sync", directory);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ErrnoStatus(int error, const char* what, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(what, " ", path));
}

absl::StatusOr<std::string> ReadSmallFile(const std::string& path,
                                          int64_t max_bytes) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoStatus(errno, "cannot open", path);
  return ReadRest(fd.get(), path, max_bytes);
}

absl::StatusOr<std::string> ReadFileEnd(const std::string& path,
                                        int64_t max_bytes) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoStatus(errno, "cannot open", path);
  const int64_t skip = std::max<int64_t>(0, FileSizeOrZero(path) - max_bytes);
  if (::lseek(fd.get(), skip, SEEK_SET) < 0) {
    return ErrnoStatus(errno, "cannot read", path);
  }
  return ReadRest(fd.get(), path, max_bytes);
}

absl::Status AppendToFile(const std::string& path, std::string_view bytes) {
  const bool is_new = FileSizeOrZero(path) == 0;
  FileDescriptor fd(
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) return ErrnoStatus(errno, "cannot open", path);
  // The name first: a file with bytes in it then has a name that stays, also
  // when this append fails half-way and the next one finds the file there.
  if (is_new) ATTUNE_RETURN_IF_ERROR(SyncDirectoryOf(path));
  ATTUNE_RETURN_IF_ERROR(WriteAll(fd.get(), bytes, path));
  if (::fsync(fd.get()) != 0) return ErrnoStatus(errno, "cannot sync", path);
  return absl::OkStatus();
}

absl::Status RemoveFileDurably(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "cannot remove", path);
  }
  return SyncDirectoryOf(path);
}

absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view bytes, unsigned permissions) {
  const std::string temporary = path + ".tmp";
  {
    FileDescriptor fd(::open(temporary.c_str(),
                             O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                             permissions));
    if (fd.get() < 0) return ErrnoStatus(errno, "cannot create", temporary);
    ATTUNE_RETURN_IF_ERROR(WriteAll(fd.get(), bytes, temporary));
    if (::fsync(fd.get()) != 0) {
      return ErrnoStatus(errno, "cannot sync", temporary);
    }
  }
  return RenameDurably(temporary, path);
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return ErrnoStatus(errno, "cannot rename to", to);
  }
  return SyncDirectoryOf(to);
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), "cannot create", path);
  return absl::OkStatus();
}

int64_t FileSizeOrZero(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

absl::Status AddFileTo(const std::string& path, policy::Sha256Stream& stream,
                       const policy::DigestProgress& progress) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoStatus(errno, "cannot open", path);
  std::vector<char> buffer(256 << 10);
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "cannot read", path);
    if (got == 0) return absl::OkStatus();
    stream.Add({buffer.data(), static_cast<size_t>(got)});
    if (progress) progress(got);
  }
}

}  // namespace attune::server
