// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "policy/revision_signature.h"
#include "policy/status_macros.h"

namespace attune::client {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// 0, or errno.
int WriteAndSync(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(
      std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  std::string bytes;
  char block[64 * 1024];
  size_t got = 0;
  while ((got = std::fread(block, 1, sizeof(block), file.get())) > 0) {
    bytes.append(block, got);
  }
  if (std::ferror(file.get()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  }
  return bytes;
}

absl::StatusOr<v1::RevisionSignature> ReadSignatureFile(
    const std::string& path) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  auto signature = policy::ParseSignature(bytes);
  if (signature.ok()) return signature;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", signature.status().message()));
}

absl::Status WriteNewFile(const std::string& path, std::string_view bytes,
                          unsigned permissions) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                        permissions);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create ", path));
  }
  const int error = WriteAndSync(fd, bytes);
  ::close(fd);
  if (error == 0) return absl::OkStatus();
  ::unlink(path.c_str());
  return absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path));
}

absl::Status ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::string part = path + ".part";
  ::unlink(part.c_str());
  ATTUNE_RETURN_IF_ERROR(WriteNewFile(part, bytes, 0644));
  if (std::rename(part.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const int error = errno;
  ::unlink(part.c_str());
  return absl::ErrnoToStatus(error, absl::StrCat("cannot replace ", path));
}

}  // namespace attune::client
