// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/round_runner.h"

#include <utility>

namespace attune::trainer {

RoundRunner::RoundRunner(LlmBackend& backend, std::function<double()> clock)
    : backend_(backend),
      clock_(std::move(clock)),
      thread_([this] { Work(); }) {}

RoundRunner::~RoundRunner() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void RoundRunner::Add(std::shared_ptr<const Round> round) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    rounds_.push_back(std::move(round));
  }
  changed_.notify_all();
}

absl::StatusOr<RoundResult> RoundRunner::Take() {
  std::unique_lock<std::mutex> lock(mutex_);
  ++asked_for_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !results_.empty(); });
  absl::StatusOr<RoundResult> result = std::move(results_.front());
  results_.pop_front();
  return result;
}

bool RoundRunner::MayBegin() const {
  return !rounds_.empty() && (!silent_ || asked_for_ > begun_);
}

void RoundRunner::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || MayBegin(); });
    if (stop_) return;
    const std::shared_ptr<const Round> round = std::move(rounds_.front());
    rounds_.pop_front();
    ++begun_;
    lock.unlock();
    absl::StatusOr<RoundResult> result = RunRound(*round, backend_, clock_);
    lock.lock();
    silent_ = !result.ok() || result->samples.empty();
    results_.push_back(std::move(result));
    changed_.notify_all();
  }
}

}  // namespace attune::trainer
