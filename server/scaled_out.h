// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_SCALED_OUT_H_
#define ATTUNE_SERVER_SCALED_OUT_H_

// What makes several servers one: revisions and traffic (redis_store.h,
// follower.h) and the way of decisions and feedback to a trainer (deliverer.h),
// through Redis. START HERE for --redis_url.
//
// Redis is where servers meet, not where they keep things: each serves from its
// own disk and acknowledges feedback from its own log, so that Redis may be down,
// slow, full or empty. Only what must be agreed on waits for it: pushes and changes
// of the traffic.
//
// Life cycle: Create(); the registry is opened with store(); Start(); Stop(), or
// the destructor. Thread-safe.

#include <prometheus/collectable.h>

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config.h"
#include "server/decision_log.h"
#include "server/deliverer.h"
#include "server/follower.h"
#include "server/redis_store.h"
#include "server/revision_registry.h"
#include "server/upload.h"

namespace attune::server {

class ScaledOut {
 public:
  // Null if the server has no Redis. kInvalidArgument names the setting.
  static absl::StatusOr<std::unique_ptr<ScaledOut>> Create(
      const ServerConfig& config);

  SharedStore* store() { return &store_; }
  std::shared_ptr<prometheus::Collectable> metrics() const { return metrics_; }

  // Takes over the traffic of the others, if Redis answers: a server that has never
  // served anything but the uniform revision waits for that for some seconds. Then
  // follows and delivers. `log` may be null; what is given must outlive Stop().
  void Start(RevisionRegistry* registry, UploadArea* uploads,
             const DecisionLog* log, std::function<absl::Time()> clock);
  // Hands over what the log holds, for no longer than `limit`.
  void Stop(absl::Duration limit);

 private:
  explicit ScaledOut(RedisSettings settings);
  void CatchUp(const RevisionRegistry& registry);

  const RedisSettings settings_;
  RedisStats stats_;
  RedisSharedStore store_;
  const std::shared_ptr<prometheus::Collectable> metrics_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<Deliverer> deliverer_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_SCALED_OUT_H_
