// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_CLIENT_FILE_H_
#define ATTUNE_CLIENT_FILE_H_

// Reads and writes files. Internal to client/. All functions block; errors name
// the path.

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attune/v1/revision_signature.pb.h"

namespace attune::client {

// The file's bytes. kNotFound if there is no such file, kPermissionDenied or
// kInternal if it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// The signature in a .sig file. As ReadFile; kInvalidArgument if it is none.
absl::StatusOr<v1::RevisionSignature> ReadSignatureFile(
    const std::string& path);

// Writes and syncs a file that is not there yet; kAlreadyExists if it is. After
// another error there is none.
absl::Status WriteNewFile(const std::string& path, std::string_view bytes,
                          unsigned permissions);

// Replaces a file, or makes it, readable for all: it holds the old bytes or the
// new ones.
absl::Status ReplaceFile(const std::string& path, std::string_view bytes);

}  // namespace attune::client

#endif  // ATTUNE_CLIENT_FILE_H_
