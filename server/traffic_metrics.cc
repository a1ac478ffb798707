// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic_metrics.h"

#include <prometheus/metric_family.h>

#include <utility>
#include <vector>

namespace attune::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

MetricFamily Family(const char* name, const char* help, MetricType type) {
  return {name, help, type, {}};
}

void Add(MetricFamily* family, double value, Labels labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (family->type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family->metric.push_back(std::move(metric));
}

MetricFamily Shares(const TrafficPlan& plan) {
  MetricFamily family = Family("attune_traffic_share", "Share of users by role",
                               MetricType::Gauge);
  Add(&family, 1.0 - plan.canary_share,
      {{"role", "active"}, {"revision", plan.active}});
  if (!plan.canary.empty()) {
    Add(&family, plan.canary_share,
        {{"role", "canary"}, {"revision", plan.canary}});
  }
  if (!plan.shadow.empty()) {
    Add(&family, 0.0, {{"role", "shadow"}, {"revision", plan.shadow}});
  }
  return family;
}

MetricFamily Changes(const RevisionRegistry& registry) {
  MetricFamily family =
      Family("attune_traffic_changes", "Changes of the traffic so far",
             MetricType::Gauge);
  Add(&family, static_cast<double>(registry.Traffic()->sequence));
  return family;
}

MetricFamily Rollbacks(const GuardrailStats& stats) {
  MetricFamily family =
      Family("attune_guardrail_rollbacks_total",
             "Canaries rolled back, by guardrail", MetricType::Counter);
  for (int i = 1; i < kGuardrails; ++i) {
    Add(&family, static_cast<double>(stats.rollbacks[i]),
        {{"guardrail", GuardrailName(static_cast<Guardrail>(i))}});
  }
  return family;
}

MetricFamily Dropped(const GuardrailStats& stats) {
  MetricFamily family = Family("attune_guardrail_dropped_observations_total",
                               "Observations of a trial that were not counted",
                               MetricType::Counter);
  Add(&family, static_cast<double>(stats.dropped));
  return family;
}

void AddTrial(const GuardrailStats& stats, std::vector<MetricFamily>* out) {
  struct Row {
    const char* name;
    const char* help;
    double (*value)(const GuardrailStats::Arm&);
  };
  using Arm = GuardrailStats::Arm;
  const Row rows[] = {
      {"attune_trial_decisions", "Decisions of the trial",
       [](const Arm& arm) { return static_cast<double>(arm.decisions); }},
      {"attune_trial_failure_ratio", "Share of them that failed",
       [](const Arm& arm) { return arm.failures; }},
      {"attune_trial_rewards", "Rewards of the trial",
       [](const Arm& arm) { return static_cast<double>(arm.rewards); }},
      {"attune_trial_reward_mean", "Their mean",
       [](const Arm& arm) { return arm.reward; }},
      {"attune_trial_entropy", "Entropy of the choices, of the largest",
       [](const Arm& arm) { return arm.entropy; }}};
  for (const Row& row : rows) {
    MetricFamily family = Family(row.name, row.help, MetricType::Gauge);
    if (stats.active) {
      Add(&family, row.value(*stats.active), {{"role", "active"}});
    }
    if (stats.canary) {
      Add(&family, row.value(*stats.canary), {{"role", "canary"}});
    }
    out->push_back(std::move(family));
  }
}

MetricFamily Shadows(const ShadowStats& stats) {
  MetricFamily family =
      Family("attune_shadow_decisions_total",
             "Copies of requests by what became of them", MetricType::Counter);
  Add(&family, static_cast<double>(stats.decided), {{"result", "decided"}});
  Add(&family, static_cast<double>(stats.failed), {{"result", "failed"}});
  Add(&family, static_cast<double>(stats.dropped), {{"result", "dropped"}});
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
