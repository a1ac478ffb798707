// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TRAFFIC_METRICS_H_
#define ATTUNE_SERVER_TRAFFIC_METRICS_H_

// What Prometheus can scrape of the traffic:
//   attune_traffic_share{role,revision}        share of users; 0 of a shadow
//   attune_traffic_changes                     the sequence
//   attune_guardrail_rollbacks_total{guardrail}
//   attune_guardrail_dropped_observations_total
//   attune_trial_decisions{role}, attune_trial_failure_ratio{role},
//   attune_trial_rewards{role}, attune_trial_reward_mean{role},
//   attune_trial_entropy{role}                 of the trial under way
//   attune_shadow_decisions_total{result}      decided, failed, dropped

#include <prometheus/collectable.h>

#include <memory>

#include "server/guardrail_monitor.h"
#include "server/revision_registry.h"
#include "server/shadow.h"

namespace attune::server {

// Borrows what it is given, which must outlive it; `monitor` and `shadow` may be
// null. Thread-safe.
std::shared_ptr<prometheus::Collectable> MakeTrafficMetrics(
    const RevisionRegistry* registry, const GuardrailMonitor* monitor,
    const ShadowRunner* shadow);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TRAFFIC_METRICS_H_
