// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_BOUNDED_QUEUE_H_
#define ATTUNE_POLICY_BOUNDED_QUEUE_H_

// A bounded queue between threads without locks and without system calls: what
// the request path may write to. A push into a full queue fails at once.
//
// Source: Vyukov's bounded MPMC queue. Each cell has a sequence number: it
// equals the position of the push that may fill the cell, and that position + 1
// once it is filled. A pop that meets a cell whose push has begun but not ended
// says "empty", though later cells may be filled.
//
// Memory order: what a thread wrote before it pushed is seen by the thread that
// pops that value.
//
// Thread-safe.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace attune::policy {

template <typename T>
class BoundedQueue {
 public:
  // Rounds the capacity up to a power of two. REQUIRES: capacity >= 1.
  explicit BoundedQueue(size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? size_t{2} : capacity) - 1),
        cells_(std::make_unique<Cell[]>(mask_ + 1)) {
    for (size_t i = 0; i <= mask_; ++i) {
      cells_[i].sequence.store(i, std::memory_order_relaxed);
    }
  }
  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // False if the queue is full; `value` is as it was then.
  bool TryPush(T&& value) {
    size_t position = 0;
    Cell* const cell = Claim(push_, 0, &position);
    if (cell == nullptr) return false;
    cell->value = std::move(value);
    cell->sequence.store(position + 1, std::memory_order_release);
    return true;
  }

  // False if the queue is empty.
  bool TryPop(T* value) {
    size_t position = 0;
    Cell* const cell = Claim(pop_, 1, &position);
    if (cell == nullptr) return false;
    // Not straight into `value`: a move assignment may leave the cell what was
    // there, as std::string's does, and empty cells would hold memory.
    T taken(std::move(cell->value));
    cell->sequence.store(position + mask_ + 1, std::memory_order_release);
    *value = std::move(taken);
    return true;
  }

  size_t capacity() const { return mask_ + 1; }
  // At some moment during the call.
  size_t ApproximateSize() const {
    const size_t popped = pop_.load(std::memory_order_relaxed);
    const size_t pushed = push_.load(std::memory_order_relaxed);
    return pushed > popped ? pushed - popped : 0;
  }

 private:
  struct Cell {
    std::atomic<size_t> sequence{0};
    T value;
  };

  // Takes the next position of `end` whose cell's sequence is that position +
  // `offset`; null if that cell is still at the one before.
  Cell* Claim(std::atomic<size_t>& end, size_t offset, size_t* position) {
    size_t at = end.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[at & mask_];
      const auto lead = static_cast<std::ptrdiff_t>(
          cell.sequence.load(std::memory_order_acquire) - (at + offset));
      if (lead < 0) return nullptr;
      if (lead > 0) {
        at = end.load(std::memory_order_relaxed);
      } else if (end.compare_exchange_weak(at, at + 1,
                                           std::memory_order_relaxed)) {
        *position = at;
        return &cell;
      }
    }
  }

  const size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  // On cache lines of their own: producers and the consumer do not meet.
  alignas(64) std::atomic<size_t> push_{0};
  alignas(64) std::atomic<size_t> pop_{0};
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_BOUNDED_QUEUE_H_
