// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "bench/swapper.h"

#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <utility>

#include "attune/v1/policy_service.grpc.pb.h"

namespace attune::bench {

Swapper::Swapper(int control_port, std::vector<std::string> revision_ids,
                 std::chrono::milliseconds period)
    : ids_(std::move(revision_ids)) {
  if (ids_.size() < 2) return;
  thread_ =
      std::thread([this, control_port, period] { Run(control_port, period); });
}

void Swapper::Run(int control_port, std::chrono::milliseconds period) {
  auto stub = v1::PolicyService::NewStub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(control_port),
                          grpc::InsecureChannelCredentials()));
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_for(lock, period / 2, [this] { return stopping_; });
  while (!stopping_) {
    grpc::ClientContext context;
    v1::SetTrafficRequest request;
    v1::SetTrafficResponse response;
    request.mutable_traffic()->set_active(ids_[times_.size() % ids_.size()]);
    const auto status = stub->SetTraffic(&context, request, &response);
    if (!status.ok()) {
      std::fprintf(stderr, "swap: %s\n", status.error_message().c_str());
    }
    times_.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count());
    wake_.wait_for(lock, period, [this] { return stopping_; });
  }
}

std::vector<int64_t> Swapper::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  return times_;
}

}  // namespace attune::bench
