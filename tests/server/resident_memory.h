// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_RESIDENT_MEMORY_H_
#define ATTUNE_TESTS_SERVER_RESIDENT_MEMORY_H_

// Whether this process's resident memory stays flat while it works.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <vector>

namespace attune::server {

inline int64_t ResidentBytes() {
  int64_t pages = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

// Sample() at regular steps of the work. Not thread-safe.
class ResidentMemory {
 public:
  void Sample() { samples_.push_back(ResidentBytes()); }

  // How far the last quarter's highest sample is above the second quarter's: the
  // first one is left to caches that fill. REQUIRES: at least 4 samples.
  int64_t Growth() const {
    const auto quarter = static_cast<int64_t>(samples_.size() / 4);
    const auto begin = samples_.begin();
    return *std::max_element(samples_.end() - quarter, samples_.end()) -
           *std::max_element(begin + quarter, begin + 2 * quarter);
  }

 private:
  std::vector<int64_t> samples_;
};

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_RESIDENT_MEMORY_H_
