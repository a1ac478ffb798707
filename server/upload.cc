// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/upload.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "policy/names.h"
#include "policy/status_macros.h"
#include "server/error_reason.h"
#include "server/file_io.h"

namespace attune::server {
namespace {

namespace fs = std::filesystem;

constexpr char kPartExtension[] = ".part";

absl::Status CheckDigest(std::string_view digest, const char* field) {
  if (policy::IsSha256Hex(digest)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": must be 64 lower-case hexadecimal digits"));
}

absl::Status CheckSizes(int64_t byte_size, int64_t offset, int64_t max_bytes) {
  if (byte_size < 1) {
    return absl::InvalidArgumentError("header.byte_size: must be at least 1");
  }
  if (byte_size > max_bytes) {
    return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                          "header.byte_size: at most ", max_bytes, " bytes")),
                      "REVISION_TOO_LARGE");
  }
  if (offset < 0 || offset > byte_size) {
    return absl::InvalidArgumentError(
        "header.offset: must be between 0 and byte_size");
  }
  return absl::OkStatus();
}

}  // namespace

Upload::Upload(UploadArea* area, std::string digest, std::string path, int fd,
               int64_t byte_size, int64_t offset, policy::Sha256Stream stream)
    : area_(area),
      digest_(std::move(digest)),
      path_(std::move(path)),
      fd_(fd),
      byte_size_(byte_size),
      offset_(offset),
      stream_(std::move(stream)) {}

Upload::~Upload() {
  ::close(fd_);
  if (offset_ == 0) Discard();
  area_->Release(digest_);
}

absl::Status Upload::Append(std::string_view bytes) {
  if (static_cast<int64_t>(bytes.size()) > byte_size_ - offset_) {
    Discard();
    return WithReason(
        absl::InvalidArgumentError("data: more bytes than header.byte_size"),
        "REVISION_TOO_LONG");
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno, "cannot write", "a part");
    stream_.Add(bytes.substr(0, static_cast<size_t>(written)));
    bytes.remove_prefix(static_cast<size_t>(written));
    offset_ += written;
  }
  return absl::OkStatus();
}

absl::Status Upload::Finish() {
  if (offset_ < byte_size_) {
    return WithReason(absl::InvalidArgumentError(absl::StrCat(
                          "data: ended after ", offset_, " of ", byte_size_,
                          " bytes; they are kept, go on from GetPushOffset")),
                      "REVISION_TRUNCATED");
  }
  if (::fsync(fd_) != 0) return ErrnoStatus(errno, "cannot sync", "a part");
  if (stream_.HexDigest() == digest_) return absl::OkStatus();
  Discard();
  return WithReason(
      absl::InvalidArgumentError(
          "header.digest: is not the SHA-256 of the bytes that arrived"),
      "DIGEST_MISMATCH");
}

void Upload::Discard() { ::unlink(path_.c_str()); }

UploadArea::UploadArea(std::string directory, int64_t max_bytes)
    : directory_(std::move(directory)), max_bytes_(max_bytes) {}

std::string UploadArea::PathOf(std::string_view digest) const {
  return absl::StrCat(directory_, "/", std::string(digest), kPartExtension);
}

absl::StatusOr<int64_t> UploadArea::OffsetOf(std::string_view digest) const {
  ATTUNE_RETURN_IF_ERROR(CheckDigest(digest, "digest"));
  return FileSizeOrZero(PathOf(digest));
}

absl::StatusOr<std::unique_ptr<Upload>> UploadArea::Begin(
    const std::string& digest, int64_t byte_size, int64_t offset,
    const policy::DigestProgress& progress) {
  ATTUNE_RETURN_IF_ERROR(CheckDigest(digest, "header.digest"));
  ATTUNE_RETURN_IF_ERROR(CheckSizes(byte_size, offset, max_bytes_));
  if (!Acquire(digest)) {
    return WithReason(
        absl::AbortedError("another push of this digest is under way"),
        "PUSH_UNDER_WAY");
  }
  absl::Cleanup release = [&] { Release(digest); };
  const std::string path = PathOf(digest);
  if (FileSizeOrZero(path) != offset) {
    return WithReason(
        absl::OutOfRangeError("header.offset: not where the stored part ends"),
        "WRONG_OFFSET");
  }
  if (offset == 0) RemoveOldParts();
  policy::Sha256Stream stream;
  if (offset > 0) ATTUNE_RETURN_IF_ERROR(AddFileTo(path, stream, progress));
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus(errno, "cannot open", "a part");
  std::move(release).Cancel();  // the upload's destructor does it
  return std::unique_ptr<Upload>(
      new Upload(this, digest, path, fd, byte_size, offset, std::move(stream)));
}

void UploadArea::RemoveOldParts() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::pair<fs::file_time_type, fs::path>> parts;
  std::error_code error;
  for (fs::directory_iterator entry(directory_, error), end;
       !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() != kPartExtension) continue;
    if (under_way_.count(path.stem()) > 0) continue;
    std::error_code gone;
    const auto time = fs::last_write_time(path, gone);
    if (!gone) parts.emplace_back(time, path);
  }
  if (parts.size() <= kMaxIdleParts) return;
  std::sort(parts.begin(), parts.end());
  parts.resize(parts.size() - kMaxIdleParts);
  for (const auto& [time, path] : parts) fs::remove(path, error);
}

bool UploadArea::Acquire(const std::string& digest) {
  std::lock_guard<std::mutex> lock(mutex_);
  return under_way_.insert(digest).second;
}

void UploadArea::Release(const std::string& digest) {
  std::lock_guard<std::mutex> lock(mutex_);
  under_way_.erase(digest);
}

}  // namespace attune::server
