// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/token_keys.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policy/status_macros.h"
#include "server/file_io.h"
#include "server/log.h"
#include "server/prompt_handler.h"

namespace attune::server {
namespace {

constexpr int kMaxKeyFileBytes = 64 << 10;
constexpr unsigned kOwnerOnly = 0600;
constexpr size_t kHexKeyDigits = 2 * kMinTokenKeyBytes;

bool IsHexKey(absl::string_view line) {
  return line.size() >= kHexKeyDigits && line.size() % 2 == 0 &&
         std::all_of(line.begin(), line.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

std::string RandomKey() {
  std::vector<uint8_t> key(kMinTokenKeyBytes);
  SystemRandom(absl::MakeSpan(key));
  return {key.begin(), key.end()};
}

absl::StatusOr<std::vector<std::string>> ReadKeys(const std::string& path) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string bytes,
                          ReadSmallFile(path, kMaxKeyFileBytes));
  auto keys = ParseTokenKeys(bytes);
  if (keys.ok()) return keys;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", keys.status().message()));
}

// The key that the log's directory keeps, readable for us alone.
absl::StatusOr<std::string> KeptUserKey(const std::string& log_dir) {
  const std::string path = log_dir + "/user.key";
  if (FileSizeOrZero(path) == 0) {
    const std::string key = RandomKey();
    ATTUNE_RETURN_IF_ERROR(WriteFileAtomically(
        path, absl::BytesToHexString(key) + "\n", kOwnerOnly));
    return key;
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto keys, ReadKeys(path));
  return keys.front();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseTokenKeys(std::string_view file) {
  const absl::string_view text(file.data(), file.size());
  std::vector<std::string> keys;
  for (const absl::string_view line :
       absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    const absl::string_view digits = absl::StripAsciiWhitespace(line);
    if (!IsHexKey(digits)) {
      // Not our lines, so one key of raw bytes, or a mistake in one of several.
      if (!keys.empty()) {
        return absl::InvalidArgumentError(
            "every line must be a key of at least 64 hexadecimal digits");
      }
      ATTUNE_ASSIGN_OR_RETURN(std::string key, ParseTokenKey(file));
      return std::vector<std::string>{std::move(key)};
    }
    keys.push_back(absl::HexStringToBytes(digits));
  }
  if (keys.empty()) return absl::InvalidArgumentError("no key");
  return keys;
}

absl::StatusOr<TokenSigner> MakeSigner(const ServerConfig& config,
                                       const std::string& log_dir) {
  TokenSigner::Options options;
  options.ttl = config.token_ttl;
  std::vector<std::string> keys;
  if (config.token_key_file.empty()) {
    Log(LogLevel::kWarning,
        "no token_key_file: a random key, so that tokens end with this process "
        "and no other server accepts them");
    keys.push_back(RandomKey());
  } else {
    ATTUNE_ASSIGN_OR_RETURN(keys, ReadKeys(config.token_key_file));
  }
  if (!config.token_previous_key_file.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const auto previous,
                            ReadKeys(config.token_previous_key_file));
    keys.insert(keys.end(), previous.begin(), previous.end());
  }
  options.key = keys.front();
  options.older_keys.assign(keys.begin() + 1, keys.end());
  if (!config.user_key_file.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const auto user, ReadKeys(config.user_key_file));
    options.user_key = user.front();
  } else if (!log_dir.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(options.user_key, KeptUserKey(log_dir));
  }
  return TokenSigner::Create(std::move(options));
}

}  // namespace attune::server
