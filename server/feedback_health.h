// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_FEEDBACK_HEALTH_H_
#define ATTUNE_SERVER_FEEDBACK_HEALTH_H_

// Says in gRPC's health service whether feedback can be recorded, as a service of
// its own: prompts are served without the log. Thread-safe.

#include <mutex>

#include "server/listener.h"

namespace attune::server {

inline constexpr char kFeedbackHealthService[] =
    "attune.v1.PromptService.RecordFeedback";

class FeedbackHealth {
 public:
  void Set(bool healthy) {
    std::lock_guard<std::mutex> lock(mutex_);
    healthy_ = healthy;
    Tell();
  }

  // From now on, until a call with null. The listener is borrowed.
  void TellThrough(Listener* listener) {
    std::lock_guard<std::mutex> lock(mutex_);
    listener_ = listener;
    Tell();
  }

 private:
  void Tell() {
    if (listener_ == nullptr) return;
    listener_->SetServing(kFeedbackHealthService, healthy_);
  }

  std::mutex mutex_;
  bool healthy_ = false;          // guarded by mutex_
  Listener* listener_ = nullptr;  // guarded by mutex_
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_FEEDBACK_HEALTH_H_
