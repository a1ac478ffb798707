// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_ACKNOWLEDGEMENTS_H_
#define ATTUNE_TESTS_SERVER_ACKNOWLEDGEMENTS_H_

// Counts what a server acknowledged, so that a test can kill it once there was
// enough. Thread-safe.

#include <condition_variable>
#include <mutex>

namespace attune::server {

class Acknowledgements {
 public:
  void Reset() {
    std::lock_guard<std::mutex> lock(mutex_);
    count_ = 0;
  }
  void Add() {
    std::lock_guard<std::mutex> lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  // Blocks until there were `count` since Reset().
  void Await(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;  // guarded by mutex_
};

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_ACKNOWLEDGEMENTS_H_
