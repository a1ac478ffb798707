// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/shadow.h"

#include <utility>

#include "policy/status_macros.h"
#include "server/convert.h"
#include "server/thread_class.h"

namespace attune::server {

ShadowRunner::ShadowRunner(Options options)
    : options_(std::move(options)), thread_([this] { Run(); }) {}

ShadowRunner::~ShadowRunner() { Stop(); }

void ShadowRunner::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ShadowRunner::Offer(ServedRequest served) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const size_t bytes = waiting_bytes_ + served.request.size();
    if (waiting_.size() >= options_.queue_capacity ||
        bytes > options_.queue_bytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_bytes_ = bytes;
    waiting_.push_back(std::move(served));
  }
  wake_.notify_one();
}

void ShadowRunner::Run() {
  // A shadow that must wait is no harm.
  JoinThreadClass(ThreadClass::kBackground);
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const ServedRequest served = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= served.request.size();
    lock.unlock();
    const absl::Status status = Decide(served);
    (status.ok() ? decided_ : failed_).fetch_add(1, std::memory_order_relaxed);
    lock.lock();
  }
}

absl::Status ShadowRunner::Decide(const ServedRequest& served) {
  ATTUNE_RETURN_IF_ERROR(ReadPromptRequest(served.request, &request_));
  policy::Request decide;
  decide.history = request_.history.items();
  decide.candidates = request_.candidates.items();
  decide.seed = served.seed;
  ATTUNE_ASSIGN_OR_RETURN(decide.mode, DecisionModeFromProto(request_.mode));
  ATTUNE_ASSIGN_OR_RETURN(decide.readout, ReadoutFromProto(request_.readout));
  ATTUNE_ASSIGN_OR_RETURN(policy::Decision decision,
                          served.shadow->policy().Decide(decide));
  DecisionRecord record{.time = served.time, .user = served.user};
  options_.random(absl::MakeSpan(record.decision_id));
  AppendRecord({.revision = *served.shadow,
                .decision = decision,
                .candidates = decide.candidates,
                .mode = request_.mode,
                .role = TrafficRole::kShadow,
                .served_decision_id = &served.decision_id,
                .request = options_.log->keeps_requests()
                               ? std::string_view(served.request)
                               : std::string_view()},
               &record.bytes);
  options_.log->Enqueue(std::move(record));
  return absl::OkStatus();
}

ShadowStats ShadowRunner::stats() const {
  const auto get = [](const std::atomic<int64_t>& counter) {
    return counter.load(std::memory_order_relaxed);
  };
  return {.decided = get(decided_),
          .failed = get(failed_),
          .dropped = get(dropped_)};
}

}  // namespace attune::server
