// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/redis_link.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "redis/error.h"
#include "server/file_io.h"
#include "server/log.h"

namespace attune::server {
namespace {

constexpr int64_t kMaxPasswordBytes = 4096;

}  // namespace

const char* RedisUseName(RedisUse use) {
  constexpr const char* kNames[] = {"change", "publish", "follow", "listen",
                                    "deliver"};
  return kNames[static_cast<int>(use)];
}

std::string RedisSettings::Key(std::string_view name) const {
  return absl::StrCat(prefix, std::string(name));
}

RedisLink::RedisLink(const RedisSettings& settings, RedisUse use,
                     RedisStats* stats)
    : settings_(settings),
      use_(use),
      stats_(*stats),
      connection_(settings.connection) {}

redis::Connection& RedisLink::Connected() {
  if (connection_.is_connected() || settings_.password_file.empty()) {
    return connection_;
  }
  const auto password =
      ReadSmallFile(settings_.password_file, kMaxPasswordBytes);
  if (password.ok()) {
    connection_.SetPassword(std::string(absl::StripAsciiWhitespace(*password)));
  } else {
    Log(LogLevel::kWarning, "redis password cannot be read",
        {{"error", std::string(password.status().message())}});
  }
  return connection_;
}

absl::Status RedisLink::Note(const absl::Status& status) {
  stats_.connects += connection_.connects() - counted_connects_;
  counted_connects_ = connection_.connects();
  stats_.up[static_cast<int>(use_)] = status.ok() ? 1 : 0;
  const std::string kind = status.ok() ? "" : redis::KindOf(status);
  if (!status.ok()) {
    const auto found =
        std::find(kRedisErrorKinds.begin(), kRedisErrorKinds.end(), kind);
    ++stats_.errors[found - kRedisErrorKinds.begin()];
  }
  if (told_ == kind) return status;
  told_ = kind;
  Log(status.ok() ? LogLevel::kInfo : LogLevel::kError,
      status.ok() ? "redis answers" : "redis cannot be used",
      {{"use", RedisUseName(use_)},
       {"kind", kind},
       {"redis", connection_.endpoint().Name()},
       {"error", std::string(status.message())}});
  return status;
}

absl::StatusOr<redis::Reply> RedisLink::Run(redis::Connection::Args args) {
  auto reply = Connected().Run(args);
  const absl::Status status = Note(reply.status());
  return reply;
}

absl::StatusOr<redis::Reply> RedisLink::RunScript(
    std::string_view script, redis::Connection::Args keys,
    redis::Connection::Args args) {
  auto reply = Connected().RunScript(script, keys, args);
  const absl::Status status = Note(reply.status());
  return reply;
}

absl::Status RedisLink::Subscribe(std::string_view channel) {
  return Note(Connected().Subscribe(channel));
}

absl::StatusOr<std::optional<std::string>> RedisLink::NextMessage(
    absl::Duration wait) {
  auto message = connection_.NextMessage(wait);
  const absl::Status status = Note(message.status());
  return message;
}

}  // namespace attune::server
