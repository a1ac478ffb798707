// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TRAFFIC_RULE_H_
#define ATTUNE_SERVER_TRAFFIC_RULE_H_

// What the traffic is after an order: decided here, done by RevisionRegistry.
// Pure functions; safe to call from any thread.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/activation_rule.h"

namespace attune::server {

// Who shall serve whom, by revision ids.
struct TrafficPlan {
  std::string active;
  // Empty: none.
  std::string canary;
  // Of users, for the canary. In [0, 1]; 0 without one.
  double canary_share = 0.0;
  // Empty: none.
  std::string shadow;

  bool operator==(const TrafficPlan&) const = default;
};

// What is kept across restarts.
struct TrafficState {
  // The last one is active.
  Activations activations;
  // Never the active one.
  std::string canary;
  double canary_share = 0.0;
  std::string shadow;
  // Number of changes so far.
  int64_t sequence = 0;
  // The sequence since which active, canary and share are what they are: when
  // the trial began.
  int64_t trial = 0;

  // Of a state that was activated at least once, or with `uniform` in place.
  TrafficPlan PlanOr(std::string_view uniform) const;

  bool operator==(const TrafficState&) const = default;
};

// After the plan was ordered. kInvalidArgument names the field of
// v1::SetTrafficRequest that is out of its range.
absl::StatusOr<TrafficState> AfterSetTraffic(TrafficState state,
                                             const TrafficPlan& plan);

// After `id` was pushed and made active. Canary and shadow stay unless they are
// what was activated.
TrafficState AfterPromote(TrafficState state, std::string_view id);

// After one step back: the trial of a canary ends, or, without one, the revision
// is active that was before. kFailedPrecondition if there is nothing to go back
// to.
absl::StatusOr<TrafficState> AfterRollback(TrafficState state);

// After `id`, which is not in traffic, was deleted.
TrafficState AfterDelete(TrafficState state, std::string_view id);

// After a restart that found only some revisions usable: the newest previous
// good one is active, unusable canaries and shadows are gone. The sequence
// stays.
TrafficState AfterRestart(
    const TrafficState& state,
    const std::function<bool(const std::string&)>& is_usable);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TRAFFIC_RULE_H_
