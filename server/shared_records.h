// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_SHARED_RECORDS_H_
#define ATTUNE_SERVER_SHARED_RECORDS_H_

// What Redis holds about traffic and revisions, as JSON that an operator can read
// there. Whoever may write to Redis may write nonsense: parsing checks everything
// that becomes a path, a size or a share.
//
// Plain values and pure functions.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "attune/v1/revision_signature.pb.h"
#include "server/revision_store.h"
#include "server/shared_store.h"

namespace attune::server {

// Artifacts are cut into values of this size.
inline constexpr int64_t kChunkBytes = int64_t{1} << 20;

struct SharedRevision {
  std::string id;
  std::string digest;
  int64_t byte_size = 0;
  absl::Time push_time;
  std::optional<v1::RevisionSignature> signature = std::nullopt;

  int64_t chunks() const { return (byte_size + kChunkBytes - 1) / kChunkBytes; }
};

SharedRevision RecordOf(const StoredRevision& revision);

std::string PrintRevision(const SharedRevision& revision);
// kDataLoss if it is no such record, or the id is not the digest's.
absl::StatusOr<SharedRevision> ParseRevision(const std::string& bytes);

std::string PrintTraffic(const SharedTraffic& traffic);
// kDataLoss.
absl::StatusOr<SharedTraffic> ParseTraffic(const std::string& bytes);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_SHARED_RECORDS_H_
