// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_PUBLISHED_H_
#define ATTUNE_SERVER_PUBLISHED_H_

// A shared pointer that many threads read at every request and somebody
// exchanges now and then.
//
// Each thread keeps a copy of its own and looks only at a version number, which
// is written at an exchange alone; so readers take no lock and do not write to
// memory that they share. A thread that stops reading keeps the last value
// alive: only for values that may live on. Thread-safe.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace attune::server {

template <typename T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> value)
      : value_(std::move(value)) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  // Get() calls that begin after this has returned see `value`.
  void Set(std::shared_ptr<const T> value) {
    std::lock_guard<std::mutex> lock(mutex_);
    value_.swap(value);
    version_.store(NextVersion(), std::memory_order_release);
  }

  // The calling thread's copy: valid until its next Get() of any Published<T>.
  const std::shared_ptr<const T>& Get() const {
    thread_local Copy copy;
    const uint64_t version = version_.load(std::memory_order_acquire);
    if (copy.version != version) {
      std::lock_guard<std::mutex> lock(mutex_);
      copy.value = value_;
      copy.version = version_.load(std::memory_order_relaxed);
    }
    return copy.value;
  }

 private:
  struct Copy {
    uint64_t version = 0;
    std::shared_ptr<const T> value;
  };

  // Different for every value of every object, so that a thread's copy is never
  // taken for another object's.
  static uint64_t NextVersion() {
    static std::atomic<uint64_t> last = 0;
    return ++last;
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;                 // guarded by mutex_
  std::atomic<uint64_t> version_ = NextVersion();  // written under mutex_
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_PUBLISHED_H_
