// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic_metrics.h"

#include <utility>
#include <vector>

#include "server/metric_family.h"

namespace attune::server {
namespace {

using prometheus::MetricFamily;

MetricFamily Shares(const TrafficPlan& plan) {
  MetricFamily family = MakeFamily("attune_traffic_share");
  AddSeries(&family, 1.0 - plan.canary_share,
            {{"role", "active"}, {"revision", plan.active}});
  if (!plan.canary.empty()) {
    AddSeries(&family, plan.canary_share,
              {{"role", "canary"}, {"revision", plan.canary}});
  }
  if (!plan.shadow.empty()) {
    AddSeries(&family, 0.0, {{"role", "shadow"}, {"revision", plan.shadow}});
  }
  return family;
}

MetricFamily Changes(const RevisionRegistry& registry) {
  MetricFamily family = MakeFamily("attune_traffic_changes");
  AddSeries(&family, static_cast<double>(registry.Traffic()->sequence));
  return family;
}

MetricFamily Rollbacks(const GuardrailStats& stats) {
  MetricFamily family = MakeFamily("attune_guardrail_rollbacks_total");
  for (int i = 1; i < kGuardrails; ++i) {
    AddSeries(&family, static_cast<double>(stats.rollbacks[i]),
              {{"guardrail", GuardrailName(static_cast<Guardrail>(i))}});
  }
  return family;
}

MetricFamily Dropped(const GuardrailStats& stats) {
  MetricFamily family =
      MakeFamily("attune_guardrail_dropped_observations_total");
  AddSeries(&family, static_cast<double>(stats.dropped));
  return family;
}

void AddTrial(const GuardrailStats& stats, std::vector<MetricFamily>* out) {
  struct Row {
    Metric metric;
    double (*value)(const GuardrailStats::Arm&);
  };
  using Arm = GuardrailStats::Arm;
  const Row rows[] = {
      {"attune_trial_decisions",
       [](const Arm& arm) { return static_cast<double>(arm.decisions); }},
      {"attune_trial_failure_ratio",
       [](const Arm& arm) { return arm.failures; }},
      {"attune_trial_rewards",
       [](const Arm& arm) { return static_cast<double>(arm.rewards); }},
      {"attune_trial_reward_mean", [](const Arm& arm) { return arm.reward; }},
      {"attune_trial_entropy", [](const Arm& arm) { return arm.entropy; }}};
  for (const Row& row : rows) {
    MetricFamily family = MakeFamily(row.metric);
    if (stats.active) {
      AddSeries(&family, row.value(*stats.active), {{"role", "active"}});
    }
    if (stats.canary) {
      AddSeries(&family, row.value(*stats.canary), {{"role", "canary"}});
    }
    out->push_back(std::move(family));
  }
}

MetricFamily Shadows(const ShadowStats& stats) {
  MetricFamily family = MakeFamily("attune_shadow_decisions_total");
  AddSeries(&family, static_cast<double>(stats.decided),
            {{"result", "decided"}});
  AddSeries(&family, static_cast<double>(stats.failed), {{"result", "failed"}});
  AddSeries(&family, static_cast<double>(stats.dropped),
            {{"result", "dropped"}});
  return family;
}

class TrafficMetrics : public prometheus::Collectable {
 public:
  TrafficMetrics(const RevisionRegistry* registry,
                 const GuardrailMonitor* monitor, const ShadowRunner* shadow)
      : registry_(*registry), monitor_(monitor), shadow_(shadow) {}

  std::vector<MetricFamily> Collect() const override {
    std::vector<MetricFamily> families = {Shares(registry_.Plan()),
                                          Changes(registry_)};
    if (monitor_ != nullptr) {
      const GuardrailStats stats = monitor_->stats();
      families.push_back(Rollbacks(stats));
      families.push_back(Dropped(stats));
      AddTrial(stats, &families);
    }
    if (shadow_ != nullptr) families.push_back(Shadows(shadow_->stats()));
    return families;
  }

 private:
  const RevisionRegistry& registry_;
  const GuardrailMonitor* const monitor_;
  const ShadowRunner* const shadow_;
};

}  // namespace

std::shared_ptr<prometheus::Collectable> MakeTrafficMetrics(
    const RevisionRegistry* registry, const GuardrailMonitor* monitor,
    const ShadowRunner* shadow) {
  return std::make_shared<TrafficMetrics>(registry, monitor, shadow);
}

}  // namespace attune::server
