// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/redis_store.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/status_macros.h"
#include "redis/error.h"
#include "server/error_reason.h"
#include "server/log.h"

namespace attune::server {
namespace {

using Views = std::vector<std::string_view>;

// A piece that no record names is the rest of a push that did not end.
constexpr char kUnnamedSeconds[] = "3600";
constexpr char kRestoreMillis[] = "60000";
constexpr absl::Duration kKeepDeleted = absl::Hours(90 * 24);
// What was evicted changes no word.
constexpr int kReadsBetweenWhole = 30;

// KEYS: revisions, deleted, index, pieces... ARGV: id, record, word, channel, and
// when it was pushed, or '' for a push: that makes what was deleted good again.
constexpr char kPublish[] = R"lua(
if ARGV[5] ~= '' then
  local deleted = redis.call('ZSCORE', KEYS[2], ARGV[1])
  if deleted and tonumber(deleted) >= tonumber(ARGV[5]) then
    return 'deleted'
  end
end
for i = 4, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then return 'missing' end
end
for i = 4, #KEYS do redis.call('PERSIST', KEYS[i]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[5] == '' then redis.call('ZREM', KEYS[2], ARGV[1]) end
redis.call('SET', KEYS[3], ARGV[3])
redis.call('PUBLISH', ARGV[4], 'revision')
return 'ok')lua";

// KEYS: revisions, index, pieces... ARGV: id, word, channel.
constexpr char kWithdraw[] = R"lua(
redis.call('HDEL', KEYS[1], ARGV[1])
for i = 3, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('PUBLISH', ARGV[3], 'withdrawn')
return 'ok')lua";

// KEYS: traffic, revisions, deleted, index, pieces of the deleted one...
// ARGV: what the traffic's key held, record, word, channel, now, oldest deletion,
// deleted id or '', needed ids... It judges no record: two parsers would disagree
// about a damaged one.
constexpr char kExchange[] = R"lua(
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'changed' end
for i = 8, #ARGV do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then return 'missing' end
end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[7] ~= '' then
  redis.call('HDEL', KEYS[2], ARGV[7])
  redis.call('ZADD', KEYS[3], ARGV[5], ARGV[7])
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[6])
  redis.call('SET', KEYS[4], ARGV[3])
  for i = 5, #KEYS do redis.call('UNLINK', KEYS[i]) end
end
redis.call('PUBLISH', ARGV[4], 'traffic')
return 'ok')lua";

std::string RandomWord() {
  std::random_device device;
  return absl::StrCat(device(), "-", device());
}

absl::Status ChangedElsewhere() {
  return WithReason(
      absl::AbortedError("traffic: another change came first; look at the "
                         "traffic and order again"),
      "TRAFFIC_CHANGED");
}

Views ViewsOf(const std::vector<std::string>& texts) {
  return Views(texts.begin(), texts.end());
}

absl::StatusOr<std::string> BytesOf(redis::Reply reply) {
  if (reply.is_nil()) return std::string();
  return reply.TakeString();
}

// What is no record counts as none.
std::optional<SharedTraffic> TrafficOf(const std::string& bytes) {
  if (bytes.empty()) return std::nullopt;
  auto traffic = ParseTraffic(bytes);
  if (traffic.ok()) return *std::move(traffic);
  Log(LogLevel::kError, "redis record passed over",
      {{"error", std::string(traffic.status().message())}});
  return std::nullopt;
}

}  // namespace

absl::StatusOr<const SharedIndex*> RedisStore::Read() {
  const std::string traffic_key = link_.settings().Key("traffic");
  const std::string word_key = link_.settings().Key("index");
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply reply,
                          link_.Run({"MGET", traffic_key, word_key}));
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List values, reply.TakeList());
  if (values.size() != 2) return absl::InternalError("redis: MGET of two");
  ATTUNE_ASSIGN_OR_RETURN(const std::string traffic,
                          BytesOf(std::move(values[0])));
  ATTUNE_ASSIGN_OR_RETURN(const std::string word,
                          BytesOf(std::move(values[1])));
  index_.traffic = TrafficOf(traffic);
  if (word.empty() || word != index_word_ ||
      ++reads_ % kReadsBetweenWhole == 0) {
    index_word_.clear();
    ATTUNE_RETURN_IF_ERROR(ReadRevisions());
    ATTUNE_RETURN_IF_ERROR(ReadDeleted());
    index_word_ = word;
  }
  return &index_;
}

absl::Status RedisStore::ReadRevisions() {
  const std::string key = link_.settings().Key("revisions");
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply reply, link_.Run({"HVALS", key}));
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List records, reply.TakeList());
  index_.revisions.clear();
  for (redis::Reply& record : records) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string bytes, record.TakeString());
    auto revision = ParseRevision(bytes);
    if (revision.ok()) {
      index_.revisions.push_back(*std::move(revision));
      continue;
    }
    Log(LogLevel::kError, "redis record passed over",
        {{"error", std::string(revision.status().message())}});
  }
  std::sort(index_.revisions.begin(), index_.revisions.end(),
            [](const SharedRevision& a, const SharedRevision& b) {
              return std::pair(a.push_time, a.id) <
                     std::pair(b.push_time, b.id);
            });
  return absl::OkStatus();
}

absl::Status RedisStore::ReadDeleted() {
  const std::string key = link_.settings().Key("deleted");
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply reply,
                          link_.Run({"ZRANGE", key, "0", "-1", "WITHSCORES"}));
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply::List list, reply.TakeList());
  index_.deleted.clear();
  for (size_t i = 0; i + 1 < list.size(); i += 2) {
    ATTUNE_ASSIGN_OR_RETURN(std::string id, list[i].TakeString());
    ATTUNE_ASSIGN_OR_RETURN(const int64_t millis, list[i + 1].Int());
    index_.deleted.push_back({std::move(id), absl::FromUnixMillis(millis)});
  }
  return absl::OkStatus();
}

std::string RedisStore::PieceKey(const SharedRevision& revision,
                                 int64_t piece) const {
  return link_.settings().Key(
      absl::StrCat("revision:", revision.digest, ":", piece));
}

std::vector<std::string> RedisStore::PieceKeys(
    const SharedRevision& revision) const {
  std::vector<std::string> keys;
  for (int64_t i = 0; i < revision.chunks(); ++i) {
    keys.push_back(PieceKey(revision, i));
  }
  return keys;
}

absl::Status RedisStore::Upload(const SharedRevision& revision,
                                const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string piece;
  for (int64_t i = 0; i < revision.chunks(); ++i) {
    piece.resize(static_cast<size_t>(
        std::min(kChunkBytes, revision.byte_size - i * kChunkBytes)));
    if (!in.read(piece.data(), static_cast<std::streamsize>(piece.size()))) {
      return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
    }
    ATTUNE_RETURN_IF_ERROR(
        link_.Run({"SET", PieceKey(revision, i), piece, "EX", kUnnamedSeconds})
            .status());
  }
  return absl::OkStatus();
}

absl::Status RedisStore::Publish(const SharedRevision& revision,
                                 const std::string& path) {
  return Put(revision, path, "");
}

absl::Status RedisStore::Restore(const SharedRevision& revision,
                                 const std::string& path) {
  return Put(revision, path,
             absl::StrCat(absl::ToUnixMillis(revision.push_time)));
}

absl::Status RedisStore::Put(const SharedRevision& revision,
                             const std::string& path,
                             const std::string& pushed) {
  const RedisSettings& settings = link_.settings();
  std::vector<std::string> keys = PieceKeys(revision);
  keys.insert(keys.begin(), {settings.Key("revisions"), settings.Key("deleted"),
                             settings.Key("index")});
  const std::vector<std::string> args = {revision.id, PrintRevision(revision),
                                         RandomWord(), settings.Key("changes"),
                                         pushed};
  // The pieces may be there already: of another push, or of this one's first try.
  for (const bool is_first : {true, false}) {
    ATTUNE_ASSIGN_OR_RETURN(
        redis::Reply reply,
        link_.RunScript(kPublish, ViewsOf(keys), ViewsOf(args)));
    ATTUNE_ASSIGN_OR_RETURN(const std::string result, reply.TakeString());
    if (result == "ok") {
      const std::string claim = settings.Key("restoring:" + revision.digest);
      return link_.Run({"DEL", claim}).status();
    }
    if (result == "deleted") {
      return absl::NotFoundError("redis: deleted since it was pushed");
    }
    if (is_first) ATTUNE_RETURN_IF_ERROR(Upload(revision, path));
  }
  return absl::UnavailableError("redis: loses pieces as they come (evicted?)");
}

absl::Status RedisStore::Withdraw(const SharedRevision& revision) {
  const RedisSettings& settings = link_.settings();
  std::vector<std::string> keys = PieceKeys(revision);
  keys.insert(keys.begin(), {settings.Key("revisions"), settings.Key("index")});
  index_word_.clear();
  const std::vector<std::string> args = {revision.id, RandomWord(),
                                         settings.Key("changes")};
  return link_.RunScript(kWithdraw, ViewsOf(keys), ViewsOf(args)).status();
}

absl::StatusOr<bool> RedisStore::ClaimRestore(const SharedRevision& revision) {
  const std::string key = link_.settings().Key("restoring:" + revision.digest);
  ATTUNE_ASSIGN_OR_RETURN(
      const redis::Reply reply,
      link_.Run({"SET", key, link_.replica(), "NX", "PX", kRestoreMillis}));
  return !reply.is_nil();
}

absl::Status RedisStore::Fetch(
    const SharedRevision& revision, int64_t first,
    const std::function<absl::Status(std::string_view)>& take) {
  for (int64_t i = first; i < revision.chunks(); ++i) {
    ATTUNE_ASSIGN_OR_RETURN(redis::Reply reply,
                            link_.Run({"GET", PieceKey(revision, i)}));
    const std::string piece = reply.TakeString().value_or("");
    const int64_t size =
        std::min(kChunkBytes, revision.byte_size - i * kChunkBytes);
    if (static_cast<int64_t>(piece.size()) != size) {
      return absl::DataLossError(absl::StrCat(
          "redis: piece ", i, " of revision ", revision.id, " is not there"));
    }
    ATTUNE_RETURN_IF_ERROR(take(piece));
  }
  return absl::OkStatus();
}

absl::Status RedisStore::Exchange(int64_t before, const SharedTraffic& change,
                                  const std::vector<std::string>& needed,
                                  const StoredRevision* deleted) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string found, TrafficWith(before));
  const RedisSettings& settings = link_.settings();
  std::vector<std::string> keys = {
      settings.Key("traffic"), settings.Key("revisions"),
      settings.Key("deleted"), settings.Key("index")};
  SharedTraffic record = change;
  if (record.replica.empty()) record.replica = settings.replica;
  // Clocks differ: what is deleted was pushed before.
  absl::Time now = absl::Now();
  if (deleted != nullptr) now = std::max(now, deleted->push_time);
  std::vector<std::string> args = {
      found,
      PrintTraffic(record),
      RandomWord(),
      settings.Key("changes"),
      absl::StrCat(absl::ToUnixMillis(now) + 1),
      absl::StrCat(absl::ToUnixMillis(now - kKeepDeleted)),
      deleted == nullptr ? "" : deleted->revision->id()};
  args.insert(args.end(), needed.begin(), needed.end());
  if (deleted != nullptr) {
    for (std::string& key : PieceKeys(RecordOf(*deleted))) {
      keys.push_back(std::move(key));
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(
      redis::Reply reply,
      link_.RunScript(kExchange, ViewsOf(keys), ViewsOf(args)));
  ATTUNE_ASSIGN_OR_RETURN(const std::string result, reply.TakeString());
  if (result == "ok") return absl::OkStatus();
  if (result == "changed") return ChangedElsewhere();
  return absl::UnavailableError(
      "redis: a revision of the traffic is not there yet; try again");
}

absl::Status RedisStore::Confirm(int64_t sequence) {
  return TrafficWith(sequence).status();
}

absl::StatusOr<std::string> RedisStore::TrafficWith(int64_t sequence) {
  const std::string key = link_.settings().Key("traffic");
  ATTUNE_ASSIGN_OR_RETURN(redis::Reply reply, link_.Run({"GET", key}));
  ATTUNE_ASSIGN_OR_RETURN(std::string bytes, BytesOf(std::move(reply)));
  if (SequenceOf(TrafficOf(bytes)) != sequence) return ChangedElsewhere();
  return bytes;
}

namespace {

// What is wrong between us and Redis is nothing that a caller did.
absl::Status ToCaller(const absl::Status& status) {
  if (status.ok() || absl::IsAborted(status)) return status;
  return WithReason(absl::UnavailableError(status.message()),
                    "REDIS_UNAVAILABLE");
}

}  // namespace

absl::Status RedisSharedStore::Publish(const StoredRevision& revision,
                                       const std::string& path) {
  std::lock_guard<std::mutex> lock(artifacts_mutex_);
  return ToCaller(artifacts_.Publish(RecordOf(revision), path));
}

absl::Status RedisSharedStore::Exchange(int64_t before,
                                        const SharedTraffic& change,
                                        const std::vector<std::string>& needed,
                                        const StoredRevision* deleted) {
  std::lock_guard<std::mutex> lock(orders_mutex_);
  return ToCaller(orders_.Exchange(before, change, needed, deleted));
}

absl::Status RedisSharedStore::Confirm(int64_t sequence) {
  std::lock_guard<std::mutex> lock(orders_mutex_);
  return ToCaller(orders_.Confirm(sequence));
}

}  // namespace attune::server
