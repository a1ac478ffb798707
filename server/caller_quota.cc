// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/caller_quota.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "server/error_reason.h"

namespace attune::server {
namespace {

constexpr int kCountBits = 24;
constexpr uint64_t kCountMask = (uint64_t{1} << kCountBits) - 1;

}  // namespace

CallerQuota::CallerQuota(int max_calls, uint64_t seed)
    : max_calls_(std::min(max_calls, static_cast<int>(kCountMask / 2))),
      seed_(seed),
      buckets_(max_calls > 0 ? new Bucket[kCallers / kBucket] : nullptr) {}

absl::StatusOr<CallerQuota::Lease> CallerQuota::Enter(std::string_view caller,
                                                      int calls) {
  if (!limited()) return Lease();
  const uint64_t hash = absl::HashOf(seed_, caller);
  // The upper bits; never 0, which is nobody's.
  const uint64_t tag = (hash & ~kCountMask) | (uint64_t{1} << kCountBits);
  Bucket& bucket = buckets_[hash % (kCallers / kBucket)];
  while (true) {
    std::atomic<uint64_t>* slot = nullptr;
    uint64_t seen = 0;
    for (std::atomic<uint64_t>& each : bucket.slots) {
      const uint64_t value = each.load(std::memory_order_relaxed);
      if ((value & ~kCountMask) == tag) {
        slot = &each;
        seen = value;
        break;
      }
      if (value == 0 && slot == nullptr) slot = &each;
    }
    if (slot == nullptr) return Lease();
    const auto before = static_cast<int>(seen & kCountMask);
    if (before > 0 && before + calls > max_calls_) {
      return WithReason(absl::ResourceExhaustedError(
                            "too many calls of this caller under way"),
                        "CALLER_OVER_QUOTA");
    }
    const uint64_t after = tag | static_cast<uint64_t>(before + calls);
    if (slot->compare_exchange_weak(seen, after, std::memory_order_relaxed)) {
      return Lease(slot, calls);
    }
  }
}

CallerQuota::Lease::~Lease() {
  if (slot_ == nullptr) return;
  uint64_t value = slot_->load(std::memory_order_relaxed);
  uint64_t rest = 0;
  do {
    // The last one forgets the caller.
    rest = value - static_cast<uint64_t>(calls_);
    if ((rest & kCountMask) == 0) rest = 0;
  } while (
      !slot_->compare_exchange_weak(value, rest, std::memory_order_relaxed));
}

}  // namespace attune::server
