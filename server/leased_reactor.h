// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_LEASED_REACTOR_H_
#define ATTUNE_SERVER_LEASED_REACTOR_H_

// A unary call that holds its caller's place in a quota until the last byte of
// the answer has left. Deletes itself when gRPC is done with it.

#include <grpcpp/support/server_callback.h>

#include <utility>

#include "server/caller_quota.h"

namespace attune::server {

class LeasedReactor final : public grpc::ServerUnaryReactor {
 public:
  explicit LeasedReactor(CallerQuota::Lease lease) : lease_(std::move(lease)) {}
  void OnDone() override { delete this; }
  // Without this gRPC hands OnDone() over to another thread, which costs more
  // than half as much as a call.
  bool InternalInlineable() override { return true; }

 private:
  const CallerQuota::Lease lease_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_LEASED_REACTOR_H_
