// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_WORK_RANGES_H_
#define ATTUNE_TRAINER_WORK_RANGES_H_

// Shares out a sequence of jobs among workers so that neighbours mostly go to the
// same one, in order: each begins with an equal range, and one that has nothing
// left takes the second half of the longest range left.
// Thread-safe.

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

namespace attune::trainer {

class WorkRanges {
 public:
  WorkRanges(size_t jobs, size_t workers) {
    for (size_t w = 0; w < workers; ++w) {
      ranges_.push_back({jobs * w / workers, jobs * (w + 1) / workers});
    }
  }

  // The next job of `worker`; nullopt when all are taken.
  std::optional<size_t> Next(size_t worker) {
    const std::lock_guard<std::mutex> lock(mutex_);
    Range& own = ranges_[worker];
    if (own.size() == 0) {
      Range& longest = *std::max_element(
          ranges_.begin(), ranges_.end(),
          [](const Range& a, const Range& b) { return a.size() < b.size(); });
      if (longest.size() == 0) return std::nullopt;
      own = {longest.begin + longest.size() / 2, longest.end};
      longest.end = own.begin;
    }
    return own.begin++;
  }

 private:
  struct Range {
    size_t begin;
    size_t end;
    size_t size() const { return end - begin; }
  };

  std::mutex mutex_;
  std::vector<Range> ranges_;  // guarded by mutex_
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_WORK_RANGES_H_
