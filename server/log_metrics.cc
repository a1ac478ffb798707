// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_metrics.h"

#include <prometheus/metric_family.h>

#include <utility>
#include <vector>

namespace attune::server {
namespace {

using Results = std::vector<std::pair<const char*, int64_t>>;

prometheus::MetricFamily Counter(const char* name, const char* help,
                                 const Results& results) {
  prometheus::MetricFamily family{
      name, help, prometheus::MetricType::Counter, {}};
  for (const auto& [result, count] : results) {
    prometheus::ClientMetric metric;
    metric.label = {{"result", result}};
    metric.counter.value = static_cast<double>(count);
    family.metric.push_back(std::move(metric));
  }
  return family;
}

prometheus::MetricFamily Gauge(const char* name, const char* help,
                               double value) {
  prometheus::ClientMetric metric;
  metric.gauge.value = value;
  return {name, help, prometheus::MetricType::Gauge, {metric}};
}

class LogMetrics : public prometheus::Collectable {
 public:
  explicit LogMetrics(const DecisionLog* log) : log_(*log) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    const LogStats stats = log_.stats();
    return {Gauge("attune_log_healthy", "1 if the last commit succeeded",
                  stats.healthy ? 1.0 : 0.0),
            Counter("attune_log_decisions_total", "Decisions by what became",
                    {{"written", stats.decisions_written},
                     {"dropped_full", stats.decisions_dropped_full},
                     {"dropped_error", stats.decisions_dropped_error}}),
            Counter("attune_log_feedback_total", "Feedback by what became",
                    {{"recorded", stats.feedback_recorded},
                     {"duplicate", stats.feedback_duplicate},
                     {"failed", stats.feedback_failed}}),
            Counter("attune_log_commits_total", "Transactions by result",
                    {{"ok", stats.commits}, {"error", stats.failed_commits}}),
            Gauge("attune_log_queued_decisions", "Decisions that wait",
                  static_cast<double>(stats.queued_decisions))};
  }

 private:
  const DecisionLog& log_;
};

}  // namespace

std::shared_ptr<prometheus::Collectable> MakeLogMetrics(
    const DecisionLog* log) {
  return std::make_shared<LogMetrics>(log);
}

}  // namespace attune::server
