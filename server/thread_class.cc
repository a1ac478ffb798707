// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/thread_class.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace attune::server {
namespace {

constexpr int kBackgroundNice = 10;
// The longest slice that Linux knows. From 6.12 on whoever has a shorter one
// interrupts when it wakes; earlier kernels ignore it.
constexpr uint64_t kSliceNanoseconds = 100'000'000;

}  // namespace

void JoinThreadClass(ThreadClass thread_class) {
  sched_attr attributes = {};
  attributes.size = sizeof(attributes);
  // Interrupts nobody when it wakes.
  attributes.sched_policy = SCHED_BATCH;
  attributes.sched_nice =
      thread_class == ThreadClass::kBackground ? kBackgroundNice : 0;
  attributes.sched_runtime = kSliceNanoseconds;
  // On Linux each thread has attributes of its own.
  ::syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

}  // namespace attune::server
