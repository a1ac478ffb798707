// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_CALL_TIME_H_
#define ATTUNE_SERVER_CALL_TIME_H_

// The time that a caller leaves for its call. Pure but for the clock; safe to
// call from any thread.

#include <grpc/support/time.h>
#include <grpcpp/server_context.h>

#include "absl/time/time.h"

namespace attune::server {

// Infinite without a deadline; negative once it has passed.
inline absl::Duration TimeLeft(const grpc::CallbackServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) {
    return absl::InfiniteDuration();
  }
  const gpr_timespec left =
      gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  return absl::Seconds(left.tv_sec) + absl::Nanoseconds(left.tv_nsec);
}

}  // namespace attune::server

#endif  // ATTUNE_SERVER_CALL_TIME_H_
