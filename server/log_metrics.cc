// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/log_metrics.h"

#include <utility>
#include <vector>

#include "server/metric_family.h"

namespace attune::server {
namespace {

using Results = std::vector<std::pair<const char*, int64_t>>;

prometheus::MetricFamily ByResult(Metric metric, const Results& results) {
  std::vector<std::pair<Labels, int64_t>> counts;
  for (const auto& [result, count] : results) {
    counts.push_back({{{"result", result}}, count});
  }
  return CounterFamily(metric, counts);
}

class LogMetrics : public prometheus::Collectable {
 public:
  explicit LogMetrics(const DecisionLog* log) : log_(*log) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    const LogStats stats = log_.stats();
    return {GaugeFamily("attune_log_healthy", stats.healthy ? 1.0 : 0.0),
            ByResult("attune_log_decisions_total",
                     {{"written", stats.decisions_written},
                      {"dropped_full", stats.decisions_dropped_full},
                      {"dropped_error", stats.decisions_dropped_error}}),
            ByResult("attune_log_feedback_total",
                     {{"recorded", stats.feedback_recorded},
                      {"duplicate", stats.feedback_duplicate},
                      {"failed", stats.feedback_failed}}),
            ByResult("attune_log_commits_total",
                     {{"ok", stats.commits}, {"error", stats.failed_commits}}),
            GaugeFamily("attune_log_queued_decisions",
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
