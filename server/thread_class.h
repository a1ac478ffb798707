// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_THREAD_CLASS_H_
#define ATTUNE_SERVER_THREAD_CLASS_H_

// How a thread of ours shares the processor with gRPC's, which answer a call in
// microseconds, but may wait for milliseconds until a thread that works has used
// up its time slice.

namespace attune::server {

enum class ThreadClass {
  // Seldom has much to do: as much of the processor as any other, in long pieces
  // that whoever wakes interrupts.
  kSparing,
  // Works for callers for as long as there are some: a third of what gRPC's
  // threads get, and in short pieces, so that refusals and short calls come
  // through.
  kAnswering,
  // What the others leave.
  kBackground,
};

// Puts the calling thread into the class. What the kernel does not know, or
// does not allow, it leaves out: a matter of latency, not of correctness.
void JoinThreadClass(ThreadClass thread_class);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_THREAD_CLASS_H_
