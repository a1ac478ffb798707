// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/lease_keeper.h"

#include <algorithm>
#include <utility>

namespace attune::trainer {
namespace {

constexpr absl::Duration kAnnounceEvery = absl::Seconds(2);
// A worker that was killed is seen for so long.
constexpr absl::Duration kWorkerLasts = absl::Seconds(10);
// A lease is renewed so many times in its length.
constexpr int kRenewals = 4;

}  // namespace

LeaseKeeper::LeaseKeeper(Options options)
    : options_(std::move(options)),
      connection_(options_.redis),
      workers_(connection_, options_.prefix, RolloutPresence::Kind::kWorker),
      jobs_(connection_, options_.prefix, options_.worker),
      thread_([this] { Work(); }) {}

LeaseKeeper::~LeaseKeeper() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (connection_.is_connected()) {
    workers_.Leave(options_.worker).IgnoreError();
  }
}

void LeaseKeeper::Hold(std::vector<RolloutJob> jobs, absl::Duration lease) {
  // A renewal needs no request.
  for (RolloutJob& job : jobs) job.request.clear();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    held_ = std::move(jobs);
    lease_ = lease;
  }
  changed_.notify_all();
}

void LeaseKeeper::Work() {
  absl::Time announced_at = absl::InfinitePast();
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    const std::vector<RolloutJob> held = held_;
    const absl::Duration wait = std::min(kAnnounceEvery, lease_ / kRenewals);
    lock.unlock();
    if (!held.empty()) jobs_.Renew(held).IgnoreError();
    if (absl::Now() - announced_at >= kAnnounceEvery) {
      const absl::Status status =
          workers_.Announce(options_.worker, options_.value, kWorkerLasts);
      if (status.ok()) announced_at = absl::Now();
    }
    lock.lock();
    changed_.wait_for(lock, absl::ToChronoNanoseconds(wait));
  }
}

}  // namespace attune::trainer
