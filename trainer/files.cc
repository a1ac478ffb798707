// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace attune::trainer {
namespace {

absl::Status Failed(const std::string& path, int error) {
  const std::string message = absl::StrCat(
      path, ": cannot be written: ", std::generic_category().message(error));
  return error == ENOSPC || error == EDQUOT
             ? absl::ResourceExhaustedError(message)
             : absl::InternalError(message);
}

// Closes on every path.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAndSync(const std::string& path, std::string_view bytes) {
  const Descriptor file(
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) return Failed(path, errno);
  while (!bytes.empty()) {
    const ssize_t written = write(file.get(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return Failed(path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(file.get()) != 0) return Failed(path, errno);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  std::string bytes((std::istreambuf_iterator<char>(file)),
                    std::istreambuf_iterator<char>());
  if (file.bad()) {
    return absl::InternalError(absl::StrCat(path, ": cannot be read"));
  }
  return bytes;
}

absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view bytes) {
  const std::string temporary = absl::StrCat(path, ".tmp");
  if (absl::Status status = WriteAndSync(temporary, bytes); !status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Failed(path, errno);
  }
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  const Descriptor entry(
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entry.get() < 0 || fsync(entry.get()) != 0) return Failed(path, errno);
  return absl::OkStatus();
}

}  // namespace attune::trainer
