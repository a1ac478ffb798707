// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TOKEN_KEYS_H_
#define ATTUNE_SERVER_TOKEN_KEYS_H_

// Where the keys of tokens and pseudonyms come from.
//
// To rotate the tokens' key without refusing one: append the new key to every
// replica's file and restart it (now all accept it), move it to the first line
// and restart (now all sign with it), and drop the old line once the token's
// lifetime and the feedback window have passed.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/config.h"
#include "server/decision_token.h"

namespace attune::server {

// The keys of a key file: one in hexadecimal digits a line, at least 64 of them,
// the one that signs first; or one as of ParseTokenKey. kInvalidArgument if there
// is none or one is too short. Pure.
absl::StatusOr<std::vector<std::string>> ParseTokenKeys(std::string_view file);

// Reads the files of the configuration. Without a file, the tokens' key is random
// and a warning says so; the users' key is then kept in `log_dir`, made when it
// is not there, or, if that is empty, is the tokens'.
absl::StatusOr<TokenSigner> MakeSigner(const ServerConfig& config,
                                       const std::string& log_dir);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TOKEN_KEYS_H_
