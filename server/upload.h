// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_UPLOAD_H_
#define ATTUNE_SERVER_UPLOAD_H_

// Unfinished pushes: part files that survive a broken stream and a restart.
//
// UploadArea::Begin() hands out one Upload per digest at a time; Append() as
// often as it takes; Finish() checks the digest. An Upload that is dropped
// keeps its part, if that has a byte, so that the push can go on; of those that
// nobody goes on with the newest kMaxIdleParts stay. UploadArea is thread-safe and
// must outlive its uploads; Upload is not thread-safe. Both block on the disk.

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/digest.h"

namespace attune::server {

class UploadArea;

class Upload {
 public:
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  // kInvalidArgument if that were more bytes than announced (the part goes).
  absl::Status Append(std::string_view bytes);
  // Syncs the part and checks the digest of its bytes. kInvalidArgument if some
  // are missing (the part stays) or the digest does not match (the part goes).
  absl::Status Finish();
  // Removes the part: its bytes are no good.
  void Discard();

  const std::string& path() const { return path_; }

 private:
  friend class UploadArea;
  Upload(UploadArea* area, std::string digest, std::string path, int fd,
         int64_t byte_size, int64_t offset, policy::Sha256Stream stream);

  UploadArea* const area_;
  const std::string digest_;
  const std::string path_;
  const int fd_;
  const int64_t byte_size_;
  int64_t offset_;
  // Of the bytes up to offset_.
  policy::Sha256Stream stream_;
};

class UploadArea {
 public:
  // A part may be as large as an artifact.
  static constexpr size_t kMaxIdleParts = 8;

  // `directory` exists. No artifact may be larger than `max_bytes`.
  UploadArea(std::string directory, int64_t max_bytes);

  // Bytes stored of an unfinished push. kInvalidArgument if `digest` is none.
  absl::StatusOr<int64_t> OffsetOf(std::string_view digest) const;

  // kInvalidArgument about the header's fields; kResourceExhausted above the
  // size limit; kAborted if this digest is being pushed; kOutOfRange if
  // `offset` is not where the part ends. `progress` is told of the bytes that are
  // there already.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(
      const std::string& digest, int64_t byte_size, int64_t offset,
      const policy::DigestProgress& progress = {});

 private:
  friend class Upload;
  std::string PathOf(std::string_view digest) const;
  bool Acquire(const std::string& digest);
  // Removes the oldest parts that nobody writes and that are too many.
  void RemoveOldParts();
  void Release(const std::string& digest);

  const std::string directory_;
  const int64_t max_bytes_;
  std::mutex mutex_;
  std::set<std::string> under_way_;  // guarded by mutex_
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_UPLOAD_H_
