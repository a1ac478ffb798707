// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_BENCH_CONNECTION_H_
#define ATTUNE_BENCH_CONNECTION_H_

// Connections to a server on this machine. Safe to call from any thread.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace attune::bench {

// A channel with a connection of its own, whatever others there are.
inline std::shared_ptr<grpc::Channel> OwnConnection(
    int port, grpc::ChannelArguments arguments = {}) {
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                   grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace attune::bench

#endif  // ATTUNE_BENCH_CONNECTION_H_
