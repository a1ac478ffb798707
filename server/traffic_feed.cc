// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic_feed.h"

#include <algorithm>
#include <utility>

#include "server/error_reason.h"

namespace attune::server {

void UpdateQueue::Push(const TrafficUpdate& update) {
  if (updates_.size() == capacity_) {
    updates_.pop_front();
    ++missed_;
  }
  updates_.push_back(update);
}

bool UpdateQueue::Pop(TrafficUpdate* update) {
  if (updates_.empty()) return false;
  *update = std::move(updates_.front());
  updates_.pop_front();
  update->missed = std::exchange(missed_, 0);
  return true;
}

void TrafficFeed::Publish(TrafficUpdate update) {
  std::lock_guard<std::mutex> lock(mutex_);
  current_ = std::move(update);
  for (Subscriber* subscriber : subscribers_) subscriber->OnUpdate(current_);
}

absl::Status TrafficFeed::Subscribe(Subscriber* subscriber) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) return absl::UnavailableError("the server is stopping");
  if (subscribers_.size() >= max_subscribers_) {
    return WithReason(absl::ResourceExhaustedError("too many watch already"),
                      "TOO_MANY_WATCHERS");
  }
  subscribers_.push_back(subscriber);
  TrafficUpdate first = current_;
  first.action.clear();
  first.note = {.who = "", .reason = ""};
  subscriber->OnUpdate(first);
  return absl::OkStatus();
}

void TrafficFeed::Unsubscribe(Subscriber* subscriber) {
  std::lock_guard<std::mutex> lock(mutex_);
  subscribers_.erase(
      std::remove(subscribers_.begin(), subscribers_.end(), subscriber),
      subscribers_.end());
}

void TrafficFeed::Close() {
  std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  for (Subscriber* subscriber : std::exchange(subscribers_, {})) {
    subscriber->OnClose();
  }
}

}  // namespace attune::server
