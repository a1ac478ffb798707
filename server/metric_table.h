// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_METRIC_TABLE_H_
#define ATTUNE_SERVER_METRIC_TABLE_H_

// Every metric that attune_server exposes, once: type, unit, labels and help. The
// exposition takes its names, types and help from here (metric_family.h), and the
// reference page is generated from this file (tools/docs/metrics.py).
//
// To add a metric, add a row; a name without a row does not compile:
//   GaugeFamily("attune_log_healthy", 1.0)
// A test fails for a row that nothing exposes, and for a family that was made
// without one.

#include <prometheus/metric_type.h>

#include <cstddef>
#include <iterator>
#include <string_view>

namespace attune::server {

struct MetricRow {
  std::string_view name;
  prometheus::MetricType type;
  // What one of it is: "seconds", "bytes", "ratio" or a thing that is counted. A
  // word of the name, but for "bool", which is 0 or 1.
  std::string_view unit;
  // Names, separated by commas.
  std::string_view labels;
  // One sentence, without a full stop. Says which values labels have.
  std::string_view help;
};

inline constexpr auto kCounter = prometheus::MetricType::Counter;
inline constexpr auto kGauge = prometheus::MetricType::Gauge;
inline constexpr auto kHistogram = prometheus::MetricType::Histogram;

// A comment between the rows begins a section of the reference page.
inline constexpr MetricRow kMetrics[] = {
    // Requests
    {"attune_get_prompt_latency_seconds", kHistogram, "seconds", "",
     "Time of a GetPrompt from the parsed frame to the serialized answer; the "
     "buckets of gRFC A66"},
    {"attune_requests_total", kCounter, "requests", "code,method",
     "Requests by method and canonical code"},
    {"attune_refused_calls_total", kCounter, "calls", "code,method",
     "Calls refused for want of a certificate (UNAUTHENTICATED) or a role "
     "(PERMISSION_DENIED)"},
    // Decisions
    {"attune_decisions_total", kCounter, "decisions", "option,pattern",
     "Options that agents chose, by pattern; above 4096 series pattern and "
     "option are \"other\""},
    {"attune_apprentice_decisions_total", kCounter, "decisions", "result",
     "Decisions of callers in mode APPRENTICE, by whether every agent agrees "
     "or one differs"},
    {"attune_apprentice_options_total", kCounter, "options", "pattern,result",
     "Options of callers in mode APPRENTICE, by whether the pattern's agent "
     "agrees or differs"},
    // Revisions and traffic
    {"attune_revision_info", kGauge, "info", "revision",
     "1, with the active revision as label"},
    {"attune_revision_activations_total", kCounter, "activations", "result",
     "Attempts to make a revision active, by canonical code in lower case"},
    {"attune_traffic_share", kGauge, "share", "role,revision",
     "Share of users by role (active, canary, shadow) and revision; a shadow "
     "has 0"},
    {"attune_traffic_changes", kGauge, "changes", "",
     "Changes of the traffic so far"},
    {"attune_guardrail_rollbacks_total", kCounter, "rollbacks", "guardrail",
     "Canaries rolled back, by guardrail"},
    {"attune_guardrail_dropped_observations_total", kCounter, "observations",
     "", "Observations of a trial that were not counted"},
    {"attune_trial_decisions", kGauge, "decisions", "role",
     "Decisions of the trial under way, by role (active, canary)"},
    {"attune_trial_failure_ratio", kGauge, "ratio", "role",
     "Share of the trial's decisions that failed, by role"},
    {"attune_trial_rewards", kGauge, "rewards", "role",
     "Rewards of the trial, by role"},
    {"attune_trial_reward_mean", kGauge, "reward", "role",
     "Mean reward of the trial, by role"},
    {"attune_trial_entropy", kGauge, "entropy", "role",
     "Entropy of the trial's choices as a share of the largest, by role"},
    {"attune_shadow_decisions_total", kCounter, "decisions", "result",
     "Copies of requests by what became of them (decided, failed, dropped)"},
    // Decision log
    {"attune_log_healthy", kGauge, "bool", "",
     "1 if the last commit of the log succeeded"},
    {"attune_log_decisions_total", kCounter, "decisions", "result",
     "Decisions by what became of them (written, dropped_full, "
     "dropped_error)"},
    {"attune_log_feedback_total", kCounter, "feedback", "result",
     "Feedback by what became of it (recorded, duplicate, failed)"},
    {"attune_log_commits_total", kCounter, "commits", "result",
     "Transactions by result (ok, error)"},
    {"attune_log_queued_decisions", kGauge, "decisions", "",
     "Decisions that wait to be written"},
    // Servers that share Redis
    {"attune_redis_up", kGauge, "bool", "use",
     "1 if the last command was answered, by what Redis is used for (follow, "
     "listen, deliver, change, publish); what has not been used is left out"},
    {"attune_redis_connects_total", kCounter, "connects", "",
     "Successful handshakes"},
    {"attune_redis_errors_total", kCounter, "errors", "kind",
     "Errors by kind (unavailable, unauthenticated, permission, readonly, oom, "
     "other)"},
    {"attune_redis_revisions_behind", kGauge, "revisions", "",
     "Revisions that are shared and not here"},
    {"attune_redis_traffic_changes_behind", kGauge, "changes", "",
     "Changes of the traffic that are not made here yet"},
    {"attune_redis_restorations_total", kCounter, "restorations", "what",
     "What Redis had lost and got back from here (revision, traffic)"},
    {"attune_redis_outbox_records", kGauge, "records", "",
     "Decisions and feedback that wait in the log; left out until Redis has "
     "answered once"},
    {"attune_redis_outbox_age_seconds", kGauge, "seconds", "",
     "Age of the first of them"},
    {"attune_redis_stream_full", kGauge, "bool", "",
     "1 if the stream takes no more before somebody collects it"},
    {"attune_redis_delivered_records_total", kCounter, "records", "part",
     "Records in the stream (decision, feedback)"},
    // Connections and TLS
    {"attune_connections", kGauge, "connections", "listener",
     "Open connections by listener (data, control)"},
    {"attune_connections_total", kCounter, "connections", "listener,result",
     "Connections by what became of them (accepted, refused_total, "
     "refused_address, refused_descriptors)"},
    {"attune_tls_certificate_expiry_seconds", kGauge, "seconds", "",
     "When the certificate in use expires, since the epoch; with TLS only"},
    {"attune_tls_reload_failures_total", kCounter, "failures", "what",
     "Readings of the files (certificate, roles) that found nothing good; with "
     "TLS only"},
    // Traces
    {"attune_trace_spans_total", kCounter, "spans", "result",
     "Spans by what became of them (exported, dropped_full, dropped_error); "
     "with an OTLP endpoint only"},
    // Process
    {"process_start_time_seconds", kGauge, "seconds", "",
     "Start of the process, since the epoch"},
};

// Never defined: a call of it in a constant expression names the mistake.
void ThisMetricHasNoRowInMetricTable();

// A row of the table by its name, which is looked up when it is compiled.
class Metric {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is one.
  consteval Metric(const char* name) : row_(nullptr) {
    for (const MetricRow& row : kMetrics) {
      if (row.name == name) row_ = &row;
    }
    if (row_ == nullptr) ThisMetricHasNoRowInMetricTable();
  }

  const MetricRow& operator*() const { return *row_; }
  const MetricRow* operator->() const { return row_; }

 private:
  const MetricRow* row_;
};

namespace server_internal {

// `word` stands in `name` between underscores or ends.
constexpr bool HasWord(std::string_view name, std::string_view word) {
  for (size_t at = name.find(word); at != std::string_view::npos;
       at = name.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || name[at - 1] == '_') &&
        (end == name.size() || name[end] == '_')) {
      return true;
    }
  }
  return false;
}

// Prometheus' conventions for names.
constexpr bool IsWellFormed(const MetricRow& row) {
  const bool has_unit =
      !row.unit.empty() && (row.unit == "bool" || HasWord(row.name, row.unit));
  return (row.name.starts_with("attune_") ||
          row.name.starts_with("process_")) &&
         row.name.ends_with("_total") == (row.type == kCounter) && has_unit &&
         !row.help.empty() && !row.help.ends_with('.');
}

constexpr bool AreWellFormed() {
  for (const MetricRow& row : kMetrics) {
    if (!IsWellFormed(row)) return false;
    for (const MetricRow* other = &row + 1; other != std::end(kMetrics);
         ++other) {
      if (other->name == row.name) return false;
    }
  }
  return true;
}

static_assert(AreWellFormed(),
              "a row of kMetrics has no help, a unit that is no word of its "
              "name, _total where it should not be or lacks it, or is there "
              "twice");

}  // namespace server_internal
}  // namespace attune::server

#endif  // ATTUNE_SERVER_METRIC_TABLE_H_
