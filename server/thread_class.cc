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

// The longest slice that Linux knows. From 6.12 on whoever has a shorter one
// interrupts when it wakes; earlier kernels ignore it. Not for threads that use
// up what they get: those who have had their share wait for the end of a slice.
constexpr uint64_t kLongSliceNanoseconds = 100'000'000;
// The shortest: the time that a refusal waits for a thread which answers.
constexpr uint64_t kShortSliceNanoseconds = 100'000;

int NiceOf(ThreadClass thread_class) {
  switch (thread_class) {
    case ThreadClass::kSparing:
      return 0;
    case ThreadClass::kAnswering:
      return 5;
    case ThreadClass::kBackground:
      return 19;
  }
  return 0;
}

}  // namespace

void JoinThreadClass(ThreadClass thread_class) {
  sched_attr attributes = {};
  attributes.size = sizeof(attributes);
  // Interrupts nobody when it wakes.
  attributes.sched_policy = SCHED_BATCH;
  attributes.sched_nice = NiceOf(thread_class);
  if (thread_class == ThreadClass::kSparing) {
    attributes.sched_runtime = kLongSliceNanoseconds;
  } else if (thread_class == ThreadClass::kAnswering) {
    attributes.sched_runtime = kShortSliceNanoseconds;
  }
  // On Linux each thread has attributes of its own.
  ::syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

}  // namespace attune::server
