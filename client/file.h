// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_FILE_H_
#define ATTUNE_CLIENT_FILE_H_

// Reads files. Internal to client/.

#include <string>

#include "absl/status/statusor.h"

namespace attune::client {

// The file's bytes. kNotFound if there is no such file, kPermissionDenied or
// kInternal if it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_FILE_H_
