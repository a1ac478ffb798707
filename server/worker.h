// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_WORKER_H_
#define ATTUNE_SERVER_WORKER_H_

// Threads that run tasks in the order they came, so that no gRPC thread blocks.
// One thread carries out orders, task by task, another what pushes need; several
// make the lane of decisions that take long.
//
// Life cycle: Post() any number of times; the destructor runs what was posted
// and joins. Thread-safe.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "server/thread_class.h"

namespace attune::server {

class Worker {
 public:
  explicit Worker(int threads = 1,
                  ThreadClass thread_class = ThreadClass::kAnswering);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Does not block. A task must not throw. With several threads tasks begin in
  // order, but run side by side.
  void Post(std::function<void()> task);

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_WORKER_H_
