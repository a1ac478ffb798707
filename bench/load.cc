// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "bench/load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>

#include "bench/connection.h"

namespace attune::bench {

using Clock = std::chrono::steady_clock;

class Load::Caller {
 public:
  Caller(int port, const std::vector<v1::GetPromptRequest>& requests)
      : requests_(requests),
        stub_(v1::PromptService::NewStub(OwnConnection(port))) {}

  // Calls until `left` is used up, then counts `done` down.
  void Start(std::atomic<int64_t>* left, std::latch* done) {
    left_ = left;
    done_ = done;
    Next();
  }

  void Reset() {
    failed_ = 0;
    micros_.clear();
  }

  int64_t failed() const { return failed_; }
  const std::vector<float>& micros() const { return micros_; }

 private:
  void Next() {
    if (left_->fetch_sub(1) <= 0) {
      done_->count_down();
      return;
    }
    context_ = std::make_unique<grpc::ClientContext>();
    start_ = Clock::now();
    stub_->async()->GetPrompt(
        context_.get(), &requests_[calls_++ % requests_.size()], &response_,
        [this](const grpc::Status& status) { Finish(status); });
  }

  void Finish(const grpc::Status& status) {
    const auto took = Clock::now() - start_;
    if (status.ok()) {
      micros_.push_back(std::chrono::duration<float, std::micro>(took).count());
    } else {
      ++failed_;
    }
    Next();
  }

  const std::vector<v1::GetPromptRequest>& requests_;
  std::unique_ptr<v1::PromptService::Stub> stub_;
  std::atomic<int64_t>* left_ = nullptr;
  std::latch* done_ = nullptr;
  // One call at a time: touched by one thread after another.
  std::unique_ptr<grpc::ClientContext> context_;
  v1::GetPromptResponse response_;
  Clock::time_point start_;
  size_t calls_ = 0;
  int64_t failed_ = 0;
  std::vector<float> micros_;
};

Load::Load(int port, int in_flight,
           const std::vector<v1::GetPromptRequest>& requests) {
  for (int i = 0; i < in_flight; ++i) {
    callers_.push_back(std::make_unique<Caller>(port, requests));
  }
}

Load::~Load() = default;

void Load::Run(int64_t calls) {
  std::atomic<int64_t> left = calls;
  std::latch done(static_cast<std::ptrdiff_t>(callers_.size()));
  for (const auto& caller : callers_) caller->Start(&left, &done);
  done.wait();
}

void Load::Reset() {
  for (const auto& caller : callers_) caller->Reset();
}

int64_t Load::failed() const {
  int64_t failed = 0;
  for (const auto& caller : callers_) failed += caller->failed();
  return failed;
}

double Load::PercentileMicros(double share) const {
  std::vector<float> all;
  for (const auto& caller : callers_) {
    all.insert(all.end(), caller->micros().begin(), caller->micros().end());
  }
  if (all.empty()) return 0.0;
  const auto nth =
      all.begin() +
      static_cast<std::ptrdiff_t>(share * static_cast<double>(all.size() - 1));
  std::nth_element(all.begin(), nth, all.end());
  return *nth;
}

}  // namespace attune::bench
