// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_BENCH_SWAPPER_H_
#define ATTUNE_BENCH_SWAPPER_H_

// Activates two stored revisions in turn, once a period, from a thread of its
// own, and notes when. Swaps from construction to Stop(), half a period after
// the start for the first time. Not thread-safe; owned by one thread.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace attune::bench {

class Swapper {
 public:
  // Needs two ids; with fewer it does nothing.
  Swapper(int control_port, std::vector<std::string> revision_ids,
          std::chrono::milliseconds period);
  ~Swapper() { Stop(); }

  // Returns the times of the swaps, in microseconds since the Unix epoch.
  std::vector<int64_t> Stop();

 private:
  void Run(int control_port, std::chrono::milliseconds period);

  const std::vector<std::string> ids_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::vector<int64_t> times_;
  std::thread thread_;
};

}  // namespace attune::bench

#endif  // ATTUNE_BENCH_SWAPPER_H_
