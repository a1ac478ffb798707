// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_ITEM_INDEX_H_
#define ATTUNE_POLICY_ITEM_INDEX_H_

// Finds rows of an item table by id in constant time: open addressing over the
// hashes of the ids. The slots are plain values with one meaning on every
// machine, so that a large index can be made once and mapped afterwards.
//
// Thread-compatible: const methods may run concurrently.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "policy/random.h"

namespace attune::policy {

// The same on every machine and in every release of format 1. Not keyed: who
// may publish a revision may make its ids collide, which costs time only.
inline uint64_t HashItemId(std::string_view id) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;
  uint64_t hash = id.size() * kMultiplier;
  while (!id.empty()) {
    uint64_t word = 0;
    const size_t taken = id.size() < sizeof(word) ? id.size() : sizeof(word);
    std::memcpy(&word, id.data(), taken);
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32;
    id.remove_prefix(taken);
  }
  return Mix64(hash);
}

class ItemIndex {
 public:
  struct Slot {
    // Upper half of the id's hash.
    uint32_t tag = 0;
    // Row plus one; 0 if the slot is free.
    uint32_t row = 0;
  };

  // No index: size() is 0.
  ItemIndex() = default;
  // Takes slots that MakeSlots() made. `owner` keeps them alive; it may be null
  // if something else does.
  ItemIndex(absl::Span<const Slot> slots, std::shared_ptr<const void> owner)
      : slots_(slots), owner_(std::move(owner)) {}

  // Of `size` distinct ids; `id(row)` returns one. A power of two of slots, at
  // most three quarters of them taken. REQUIRES: size < 2^31.
  template <typename IdOf>
  static std::vector<Slot> MakeSlots(int64_t size, const IdOf& id);

  int64_t size() const { return static_cast<int64_t>(slots_.size()); }
  absl::Span<const Slot> slots() const { return slots_; }

  void Prefetch(uint64_t hash) const {
    __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }

  // Row of the id with this hash for which `matches(row)`, or -1. REQUIRES:
  // size() > 0.
  template <typename Matches>
  int64_t Find(uint64_t hash, const Matches& matches) const {
    const uint64_t mask = slots_.size() - 1;
    const auto tag = static_cast<uint32_t>(hash >> 32);
    // A table from a file that was damaged after its verification may have no
    // free slot: the search ends all the same.
    for (uint64_t i = 0; i <= mask; ++i) {
      const Slot& slot = slots_[(hash + i) & mask];
      if (slot.row == 0) return -1;
      if (slot.tag == tag && matches(int64_t{slot.row} - 1)) {
        return int64_t{slot.row} - 1;
      }
    }
    return -1;
  }

 private:
  absl::Span<const Slot> slots_;
  std::shared_ptr<const void> owner_;
};

template <typename IdOf>
std::vector<ItemIndex::Slot> ItemIndex::MakeSlots(int64_t size,
                                                  const IdOf& id) {
  uint64_t count = 16;
  while (3 * count < 4 * static_cast<uint64_t>(size)) count *= 2;
  std::vector<Slot> slots(count);
  for (int64_t row = 0; row < size; ++row) {
    const uint64_t hash = HashItemId(id(row));
    uint64_t at = hash & (count - 1);
    while (slots[at].row != 0) at = (at + 1) & (count - 1);
    slots[at] = {static_cast<uint32_t>(hash >> 32),
                 static_cast<uint32_t>(row + 1)};
  }
  return slots;
}

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_ITEM_INDEX_H_
