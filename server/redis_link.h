// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REDIS_LINK_H_
#define ATTUNE_SERVER_REDIS_LINK_H_

// A connection to Redis as the server's threads use it: with the password of a
// file that may be exchanged, counted, and with a line in the log when it becomes
// usable or unusable, and not at every try.
//
// Not thread-safe; owned by one thread, but for the stats, which all share.

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "redis/connection.h"

namespace attune::server {

// What the server has Redis for; each has a connection of its own.
enum class RedisUse { kChange, kPublish, kFollow, kListen, kDeliver };
inline constexpr int kRedisUses = 5;
const char* RedisUseName(RedisUse use);

inline constexpr std::array<const char*, 6> kRedisErrorKinds = {
    "unavailable", "unauthenticated", "permission", "readonly", "oom", "other"};

// Since the start, or now. Thread-safe.
struct RedisStats {
  // By RedisUse: 1 if the last command was answered without an error, 0 if it was
  // not, -1 before the first one.
  std::array<std::atomic<int>, kRedisUses> up = {-1, -1, -1, -1, -1};
  std::atomic<int64_t> connects = 0;
  // By kRedisErrorKinds.
  std::array<std::atomic<int64_t>, kRedisErrorKinds.size()> errors = {};
  // Revisions that are shared and not here; changes of the traffic since ours.
  std::atomic<int64_t> revisions_behind = 0;
  std::atomic<int64_t> traffic_behind = 0;
  // What Redis had lost and got from here.
  std::atomic<int64_t> restored_revisions = 0;
  std::atomic<int64_t> restored_traffic = 0;
  // Records that no outbox can hand over before the reader makes room.
  std::atomic<bool> stream_full = false;
  // Records that wait; -1 as long as Redis has not said which it has.
  std::atomic<int64_t> outbox_records = -1;
  std::atomic<int64_t> outbox_age_seconds = 0;
  std::atomic<int64_t> delivered_decisions = 0;
  std::atomic<int64_t> delivered_feedback = 0;
};

struct RedisSettings {
  redis::Connection::Options connection;
  // The password is what the file holds; empty: that of the options.
  std::string password_file;
  // Before every key and channel.
  std::string prefix = "attune:";
  // Of this server.
  std::string replica;
  // Most records in the stream of decisions and feedback.
  int64_t max_stream_records = 1000000;

  std::string Key(std::string_view name) const;
};

class RedisLink {
 public:
  // `stats` must outlive it.
  RedisLink(const RedisSettings& settings, RedisUse use, RedisStats* stats);

  // As redis::Connection.
  absl::StatusOr<redis::Reply> Run(redis::Connection::Args args);
  absl::StatusOr<redis::Reply> RunScript(std::string_view script,
                                         redis::Connection::Args keys,
                                         redis::Connection::Args args);
  absl::Status Subscribe(std::string_view channel);
  absl::StatusOr<std::optional<std::string>> NextMessage(absl::Duration wait);

  const std::string& replica() const { return settings_.replica; }
  const RedisSettings& settings() const { return settings_; }
  RedisStats& stats() const { return stats_; }

 private:
  // With the password as it is now.
  redis::Connection& Connected();
  // Counts, tells, returns it.
  absl::Status Note(const absl::Status& status);

  const RedisSettings settings_;
  const RedisUse use_;
  RedisStats& stats_;
  redis::Connection connection_;
  int64_t counted_connects_ = 0;
  // Kind of the error that was told last; empty after a success.
  std::optional<std::string> told_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REDIS_LINK_H_
