// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/worker.h"

#include <utility>

namespace attune::server {

Worker::Worker(int threads, ThreadClass thread_class) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, thread_class] {
      JoinThreadClass(thread_class);
      Run();
    });
  }
}

Worker::~Worker() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Worker::Post(std::function<void()> task) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Worker::Run() {
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace attune::server
