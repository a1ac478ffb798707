// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_REDIS_STORE_H_
#define ATTUNE_SERVER_REDIS_STORE_H_

// Revisions and traffic in Redis. Under the prefix:
//   traffic               the traffic's record (shared_records.h)
//   revisions             hash: revision id -> its record
//   revision:<digest>:<n> the artifact's n-th piece of kChunkBytes
//   deleted               sorted set: deleted id -> when, for 90 days
//   index                 random; another one whenever `revisions` or `deleted` change
//   restoring:<digest>    who puts an artifact back just now
//   changes               channel: a word whenever anything of this changes
// A record is written after its pieces, in one script with everything that must
// change with it, so that nobody ever sees half a change.
//
// RedisStore is not thread-safe; owned by one thread. RedisSharedStore is what
// the registry has; thread-safe.

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/redis_link.h"
#include "server/shared_records.h"
#include "server/shared_store.h"

namespace attune::server {

// What all servers share, as one reading of Redis found it.
struct SharedIndex {
  // Nothing if Redis has none, or one that cannot be read.
  std::optional<SharedTraffic> traffic;
  // Oldest first. Records that cannot be read are left out.
  std::vector<SharedRevision> revisions;
  // When what was deleted, as far as it was not pushed again.
  struct Deletion {
    std::string id;
    absl::Time time;
  };
  std::vector<Deletion> deleted;
};

class RedisStore {
 public:
  RedisStore(const RedisSettings& settings, RedisUse use, RedisStats* stats)
      : link_(settings, use, stats) {}

  // Reads little if nothing has changed since the last time. The index is valid
  // until the next call.
  absl::StatusOr<const SharedIndex*> Read();

  // Puts the artifact there, unless it is, and then its record; whether it had been
  // deleted does not matter.
  absl::Status Publish(const SharedRevision& revision, const std::string& path);
  // The same of what Redis has lost. kNotFound if it was deleted since its push.
  absl::Status Restore(const SharedRevision& revision, const std::string& path);
  // Whether it is for us, and for nobody else, to put it back just now.
  absl::StatusOr<bool> ClaimRestore(const SharedRevision& revision);
  // Takes record and pieces away, so that a server that has the artifact puts it
  // back whole.
  absl::Status Withdraw(const SharedRevision& revision);
  // Hands the artifact over piece by piece from piece number `first`. kDataLoss if
  // a piece is not there or not of its size.
  absl::Status Fetch(const SharedRevision& revision, int64_t first,
                     const std::function<absl::Status(std::string_view)>& take);

  // As SharedStore; the errors are Redis' own.
  absl::Status Exchange(int64_t before, const SharedTraffic& change,
                        const std::vector<std::string>& needed,
                        const StoredRevision* deleted);
  absl::Status Confirm(int64_t sequence);

 private:
  std::string PieceKey(const SharedRevision& revision, int64_t piece) const;
  std::vector<std::string> PieceKeys(const SharedRevision& revision) const;
  absl::Status Put(const SharedRevision& revision, const std::string& path,
                   const std::string& pushed);
  absl::Status Upload(const SharedRevision& revision, const std::string& path);
  absl::Status ReadRevisions();
  absl::Status ReadDeleted();
  // What the traffic's key holds; kAborted if it is not this traffic.
  absl::StatusOr<std::string> TrafficWith(int64_t sequence);

  RedisLink link_;
  SharedIndex index_;
  // Of index_; empty: it must be read.
  std::string index_word_;
  int reads_ = 0;
};

class RedisSharedStore : public SharedStore {
 public:
  RedisSharedStore(const RedisSettings& settings, RedisStats* stats)
      : artifacts_(settings, RedisUse::kPublish, stats),
        orders_(settings, RedisUse::kChange, stats) {}

  absl::Status Publish(const StoredRevision& revision,
                       const std::string& path) override;
  absl::Status Exchange(int64_t before, const SharedTraffic& change,
                        const std::vector<std::string>& needed,
                        const StoredRevision* deleted) override;
  absl::Status Confirm(int64_t sequence) override;

 private:
  // Apart, so that no order waits for an artifact.
  std::mutex artifacts_mutex_;
  RedisStore artifacts_;  // guarded by artifacts_mutex_
  std::mutex orders_mutex_;
  RedisStore orders_;  // guarded by orders_mutex_
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_REDIS_STORE_H_
