// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_SERVER_NORMAL_CLIENT_H_
#define ATTUNE_TESTS_SERVER_NORMAL_CLIENT_H_

// A client that behaves, to see what it gets while others do not. Not
// thread-safe; owned by one thread.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/server/server_fixture.h"

namespace attune::server {

class NormalClient {
 public:
  enum class Connections {
    // One, made before the abuse.
    kKept,
    // A new one for every kCallsOfConnection-th call.
    kNew
  };

  NormalClient(int port, Connections connections)
      : port_(port), connections_(connections) {
    Call();
  }

  struct Figures {
    int calls = 0;
    int failed = 0;
    double p99_ms = 0.0;
  };

  // Calls one after another.
  Figures Measure(int calls) {
    Figures figures{.calls = calls};
    std::vector<double> times;
    for (int i = 0; i < calls; ++i) {
      if (connections_ == Connections::kNew && i % kCallsOfConnection == 0) {
        stub_ = v1::PromptService::NewStub(Connect(port_));
      }
      const auto start = std::chrono::steady_clock::now();
      if (!Call()) ++figures.failed;
      times.push_back(std::chrono::duration<double, std::milli>(
                          std::chrono::steady_clock::now() - start)
                          .count());
    }
    std::sort(times.begin(), times.end());
    figures.p99_ms = times[times.size() * 99 / 100];
    return figures;
  }

  // While another thread does `abuse` again and again, at least once.
  Figures MeasureBeside(int calls, const std::function<void()>& abuse) {
    std::atomic<bool> done = false;
    std::atomic<bool> begun = false;
    std::thread abuser([&] {
      do {
        abuse();
        begun = true;
        begun.notify_all();
      } while (!done);
    });
    begun.wait(false);
    const Figures figures = Measure(calls);
    done = true;
    abuser.join();
    return figures;
  }

 private:
  static constexpr int kCallsOfConnection = 20;

  bool Call() {
    grpc::ClientContext context;
    // Whatever happens, the test ends.
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::seconds(60));
    v1::GetPromptResponse response;
    return stub_->GetPrompt(&context, request_, &response).ok();
  }

  const int port_;
  const Connections connections_;
  const v1::GetPromptRequest request_ = SampleRequest();
  std::unique_ptr<v1::PromptService::Stub> stub_ =
      v1::PromptService::NewStub(Connect(port_));
};

}  // namespace attune::server

#endif  // ATTUNE_TESTS_SERVER_NORMAL_CLIENT_H_
