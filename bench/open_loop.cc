// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "bench/open_loop.h"

#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "bench/connection.h"

namespace attune::bench {
namespace {

using Clock = std::chrono::system_clock;

struct Call {
  grpc::ClientContext context;
  v1::GetPromptResponse response;
  Clock::time_point due;
  OpenLoopCall* result = nullptr;
};

std::vector<std::unique_ptr<v1::PromptService::Stub>> Connect(
    const OpenLoopOptions& options) {
  std::vector<std::unique_ptr<v1::PromptService::Stub>> stubs;
  for (int i = 0; i < options.connections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("grpc.enable_retries", 0);
    const auto channel = OwnConnection(options.port, arguments);
    channel->WaitForConnected(Clock::now() + std::chrono::seconds(10));
    stubs.push_back(v1::PromptService::NewStub(channel));
  }
  return stubs;
}

void Send(v1::PromptService::Stub& stub, const v1::GetPromptRequest& request,
          std::unique_ptr<Call> call, std::atomic<int64_t>& done) {
  Call* const sent = call.release();
  stub.async()->GetPrompt(
      &sent->context, &request, &sent->response,
      [sent, &done](const grpc::Status& status) {
        const std::unique_ptr<Call> owned(sent);
        owned->result->latency_micros =
            std::chrono::duration<float, std::micro>(Clock::now() - owned->due)
                .count();
        owned->result->code = status.error_code();
        done.fetch_add(1, std::memory_order_release);
      });
}

}  // namespace

std::vector<OpenLoopCall> RunOpenLoop(
    const OpenLoopOptions& options,
    const std::vector<v1::GetPromptRequest>& requests) {
  const auto stubs = Connect(options);
  // A sleep ends when it is due, not when the kernel finds it convenient.
  prctl(PR_SET_TIMERSLACK, 1);
  const auto count = static_cast<int64_t>(options.rate * options.seconds);
  const std::chrono::duration<double> gap(1.0 / options.rate);
  std::vector<OpenLoopCall> calls(count);
  std::atomic<int64_t> done = 0;
  const auto start = Clock::now() + std::chrono::milliseconds(20);
  for (int64_t i = 0; i < count; ++i) {
    auto call = std::make_unique<Call>();
    call->due = start + std::chrono::duration_cast<Clock::duration>(
                            gap * static_cast<double>(i));
    call->context.set_deadline(
        call->due +
        std::chrono::duration_cast<Clock::duration>(
            std::chrono::duration<double>(options.deadline_seconds)));
    call->result = &calls[i];
    calls[i].due_micros = std::chrono::duration_cast<std::chrono::microseconds>(
                              call->due.time_since_epoch())
                              .count();
    std::this_thread::sleep_until(call->due);
    Send(*stubs[i % stubs.size()], requests[i % requests.size()],
         std::move(call), done);
  }
  while (done.load(std::memory_order_acquire) < count) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return calls;
}

}  // namespace attune::bench
