// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CALLER_QUOTA_H_
#define ATTUNE_SERVER_CALLER_QUOTA_H_

// Each caller's share of the calls under way, so that one that asks for more
// than it can take leaves room for the others.
//
// Enter() when a call begins; the lease gives the place back when the last byte
// of the answer has left, so a caller that does not read gets no more answers to
// keep. Callers are remembered while they have calls under way, at most kCallers
// of them, in memory of a fixed size; one that finds its part of the table full
// is admitted and not counted. Takes no lock; costs nothing without a limit.
// Thread-safe; must outlive its leases.
//
// A place is free a moment after the caller has the answer, so one that uses its
// whole share may be refused a call now and then. Two calls of one caller that come at the
// same instant, while a third one leaves, may be counted apart: the limit may be
// exceeded for a moment.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace attune::server {

class CallerQuota {
 public:
  static constexpr int kCallers = 1 << 16;

  class Lease {
   public:
    // Of nothing.
    Lease() = default;
    Lease(Lease&& other) noexcept
        : slot_(std::exchange(other.slot_, nullptr)), calls_(other.calls_) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(slot_, other.slot_);
      std::swap(calls_, other.calls_);
      return *this;
    }
    ~Lease();

   private:
    friend class CallerQuota;
    Lease(std::atomic<uint64_t>* slot, int calls)
        : slot_(slot), calls_(calls) {}

    std::atomic<uint64_t>* slot_ = nullptr;
    int calls_ = 0;
  };

  // 0 for no limit. `seed` so that nobody can choose whom to share a place with.
  CallerQuota(int max_calls, uint64_t seed);

  bool limited() const { return max_calls_ > 0; }

  // kResourceExhausted if the caller has too many calls under way. `calls` at
  // least 1; like Admission, a batch larger than the limit may come alone.
  absl::StatusOr<Lease> Enter(std::string_view caller, int calls);

 private:
  // A slot is 0, or a caller's tag and, in the lower bits, its calls. The slots
  // of one cache line make a bucket.
  static constexpr int kBucket = 8;
  struct alignas(64) Bucket {
    std::atomic<uint64_t> slots[kBucket] = {};
  };

  const int max_calls_;
  const uint64_t seed_;
  // Null without a limit.
  const std::unique_ptr<Bucket[]> buckets_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CALLER_QUOTA_H_
