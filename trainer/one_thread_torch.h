// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ONE_THREAD_TORCH_H_
#define ATTUNE_TRAINER_ONE_THREAD_TORCH_H_

// Keeps libtorch on one thread within a scope, for sums in a fixed order: the
// same data, options and library then give the same bits. Restores the number
// of threads on the way out. Includes libtorch.

#include <ATen/Parallel.h>

namespace attune::trainer {

class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ONE_THREAD_TORCH_H_
