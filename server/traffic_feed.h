// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TRAFFIC_FEED_H_
#define ATTUNE_SERVER_TRAFFIC_FEED_H_

// Tells whoever watches what the traffic is and each change of it.
//
// Life cycle: Publish() the traffic at the start and after each change, from one
// thread at a time; Subscribe() and Unsubscribe() from any; Close() once, which
// ends every subscription. Subscribers must outlive their subscription and the
// feed must outlive Unsubscribe(). Thread-safe.

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/audit_log.h"
#include "server/traffic_rule.h"

namespace attune::server {

struct TrafficUpdate {
  TrafficPlan plan;
  int64_t sequence = 0;
  // What changed, as in AuditEntry; empty in a subscription's first update.
  std::string action;
  ChangeNote note;
  absl::Time time;
  // Updates that were left out before this one.
  int64_t missed = 0;
};

// What a slow subscriber has not seen yet. Each update carries the whole
// traffic, so the oldest go when there are too many. Not thread-safe.
class UpdateQueue {
 public:
  explicit UpdateQueue(size_t capacity) : capacity_(capacity) {}
  void Push(const TrafficUpdate& update);
  // False if it is empty.
  bool Pop(TrafficUpdate* update);

 private:
  const size_t capacity_;
  std::deque<TrafficUpdate> updates_;
  int64_t missed_ = 0;
};

class TrafficFeed {
 public:
  // The methods are called one at a time and must not call the feed.
  class Subscriber {
   public:
    virtual ~Subscriber() = default;
    virtual void OnUpdate(const TrafficUpdate& update) = 0;
    virtual void OnClose() = 0;
  };

  explicit TrafficFeed(size_t max_subscribers = 64)
      : max_subscribers_(max_subscribers) {}

  void Publish(TrafficUpdate update);
  // Begins with the current traffic, before it returns. kResourceExhausted if
  // there are too many; kUnavailable after Close().
  absl::Status Subscribe(Subscriber* subscriber);
  // Afterwards nothing of the subscriber is called. Idempotent.
  void Unsubscribe(Subscriber* subscriber);
  void Close();

 private:
  const size_t max_subscribers_;
  std::mutex mutex_;
  TrafficUpdate current_;                 // guarded by mutex_
  std::vector<Subscriber*> subscribers_;  // guarded by mutex_
  bool closed_ = false;                   // guarded by mutex_
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TRAFFIC_FEED_H_
