// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_THREAD_CLASS_H_
#define ATTUNE_SERVER_THREAD_CLASS_H_

// How a thread shares the processor with those that answer calls. A call is
// answered in microseconds, but may wait for milliseconds until a thread that
// works has used up its time slice: threads of these classes are interrupted as
// soon as another one wakes.

namespace attune::server {

enum class ThreadClass {
  // As much of the processor as any other, in long pieces that others
  // interrupt.
  kThroughput,
  // What the others leave.
  kBackground,
};

// Puts the calling thread into the class. What the kernel does not know, or
// does not allow, it leaves out: a matter of latency, not of correctness.
void JoinThreadClass(ThreadClass thread_class);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_THREAD_CLASS_H_
