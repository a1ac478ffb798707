// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic_rule.h"

#include <utility>

#include "absl/status/status.h"
#include "policy/status_macros.h"

namespace attune::server {
namespace {

absl::Status CheckPlan(const TrafficPlan& plan) {
  const auto bad = [](const char* message) {
    return absl::InvalidArgumentError(message);
  };
  if (plan.active.empty()) return bad("traffic.active: required");
  // False for NaN too.
  if (!(plan.canary_share >= 0.0 && plan.canary_share <= 1.0)) {
    return bad("traffic.canary.share: must be in [0, 1]");
  }
  if (plan.canary.empty() && plan.canary_share > 0.0) {
    return bad("traffic.canary.revision: required");
  }
  if (plan.canary == plan.active) {
    return bad("traffic.canary.revision: is the active one");
  }
  if (plan.shadow.empty()) return absl::OkStatus();
  if (plan.shadow == plan.active || plan.shadow == plan.canary) {
    return bad("traffic.shadow: serves already");
  }
  return absl::OkStatus();
}

void EndTrial(TrafficState* state) {
  state->canary.clear();
  state->canary_share = 0.0;
}

// Counts the change.
TrafficState Changed(const TrafficState& before, TrafficState after) {
  after.sequence = before.sequence + 1;
  const TrafficPlan old_plan = before.PlanOr("");
  const TrafficPlan new_plan = after.PlanOr("");
  const bool same_trial = old_plan.active == new_plan.active &&
                          old_plan.canary == new_plan.canary &&
                          old_plan.canary_share == new_plan.canary_share;
  after.trial = same_trial ? before.trial : after.sequence;
  return after;
}

}  // namespace

TrafficPlan TrafficState::PlanOr(std::string_view uniform) const {
  return {
      .active = activations.empty() ? std::string(uniform) : activations.back(),
      .canary = canary,
      .canary_share = canary_share,
      .shadow = shadow};
}

absl::StatusOr<TrafficState> AfterSetTraffic(TrafficState state,
                                             const TrafficPlan& plan) {
  ATTUNE_RETURN_IF_ERROR(CheckPlan(plan));
  if (state.PlanOr("") == plan) return state;
  TrafficState after = state;
  after.activations = AfterActivate(std::move(after.activations), plan.active);
  after.canary = plan.canary;
  after.canary_share = plan.canary_share;
  after.shadow = plan.shadow;
  return Changed(state, std::move(after));
}

TrafficState AfterPromote(TrafficState state, std::string_view id) {
  TrafficState after = state;
  after.activations = AfterActivate(std::move(after.activations), id);
  if (after.canary == id) EndTrial(&after);
  if (after.shadow == id) after.shadow.clear();
  if (after.PlanOr("") == state.PlanOr("")) return state;
  return Changed(state, std::move(after));
}

absl::StatusOr<TrafficState> AfterRollback(TrafficState state) {
  TrafficState after = state;
  if (!after.canary.empty()) {
    EndTrial(&after);
    return Changed(state, std::move(after));
  }
  ATTUNE_ASSIGN_OR_RETURN(after.activations,
                          AfterRollback(std::move(after.activations)));
  if (after.shadow == after.activations.back()) after.shadow.clear();
  return Changed(state, std::move(after));
}

TrafficState AfterDelete(TrafficState state, std::string_view id) {
  TrafficState after = state;
  after.activations = AfterRestart(
      state.activations, [&](const std::string& other) { return other != id; });
  after.sequence = state.sequence + 1;
  return after;
}

TrafficState AfterRestart(
    const TrafficState& state,
    const std::function<bool(const std::string&)>& is_usable) {
  TrafficState after = state;
  after.activations = AfterRestart(state.activations, is_usable);
  const std::string active = after.PlanOr("").active;
  if (after.canary == active || !is_usable(after.canary)) EndTrial(&after);
  if (after.shadow == active || !is_usable(after.shadow)) after.shadow.clear();
  return after;
}

}  // namespace attune::server
