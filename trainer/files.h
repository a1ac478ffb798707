// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_FILES_H_
#define ATTUNE_TRAINER_FILES_H_

// Whole files, read and written so that a crash leaves the old or the new one.
// Safe to call from any thread for different paths.

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace attune::trainer {

// kNotFound if there is no such file, kInternal if it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes beside `path`, syncs, renames, syncs the directory. kResourceExhausted
// if the disk is full; then `path` is as it was.
absl::Status WriteFileAtomically(const std::string& path,
                                 std::string_view bytes);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_FILES_H_
