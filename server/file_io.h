// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_FILE_IO_H_
#define ATTUNE_SERVER_FILE_IO_H_

// Files that survive a crash: every write is fsynced, every rename is followed
// by an fsync of the directory. All functions block and are safe to call from
// any thread; errors name the path and errno's words.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/digest.h"

namespace attune::server {

// Reads a whole file. kNotFound if there is none; kResourceExhausted if it is
// longer than `max_bytes`.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path,
                                          int64_t max_bytes);

// Reads the last `max_bytes` of a file, or all of it. kNotFound if there is none.
absl::StatusOr<std::string> ReadFileEnd(const std::string& path,
                                        int64_t max_bytes);

// Appends to a file and syncs it; makes it, readable for its owner only, if it
// is not there. After an error, a part of the bytes may be there.
absl::Status AppendToFile(const std::string& path, std::string_view bytes);

// Deletes a file and fsyncs its directory. OK if there is none.
absl::Status RemoveFileDurably(const std::string& path);

// Replaces `path` with `bytes`: afterwards it holds either the old or the new
// ones, whatever crashes. `permissions` are those of a file that only its owner
// may read or of one that all may.
absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view bytes,
                                 unsigned permissions = 0644);

// Renames and fsyncs the directory of `to`.
absl::Status RenameDurably(const std::string& from, const std::string& to);

absl::Status MakeDirectories(const std::string& path);

// 0 if there is no such file.
int64_t FileSizeOrZero(const std::string& path);

// Adds a file's bytes to a digest, in small pieces.
absl::Status AddFileTo(const std::string& path, policy::Sha256Stream& stream,
                       const policy::DigestProgress& progress = {});

// An error about a path, with the code that belongs to errno.
absl::Status ErrnoStatus(int error, const char* what, const std::string& path);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_FILE_IO_H_
