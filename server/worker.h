// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_WORKER_H_
#define ATTUNE_SERVER_WORKER_H_

// One thread that runs tasks in the order they came: everything of the control
// plane that touches the disk, so that no gRPC thread ever blocks.
//
// Life cycle: Post() any number of times; the destructor runs what was posted
// and joins. Thread-safe.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace attune::server {

class Worker {
 public:
  Worker();
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Does not block. A task must not throw.
  void Post(std::function<void()> task);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::thread thread_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_WORKER_H_
