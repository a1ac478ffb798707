// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_METRICS_H_
#define ATTUNE_SERVER_METRICS_H_

// What Prometheus can scrape of requests, decisions, activations and the active
// revision; every metric is a row of metric_table.h.
//
// Life cycle: register registry() and latency() with an Exposer; both live as
// long as the Metrics. Thread-safe.

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "policy/catalog.h"
#include "policy/choice.h"
#include "server/decision_counters.h"
#include "server/latency_histogram.h"

namespace attune::server {

enum class Method {
  kGetPrompt,
  kPreviewPrompt,
  kStreamPrompts,
  kRecordFeedback,
  kPushRevision,
  kGetPushOffset,
  kListRevisions,
  kGetRevision,
  kSetTraffic,
  kRollback,
  kDeleteRevision,
  kWatchRevisions,
  kListDecisions,
  kForgetUser,
};
inline constexpr int kMethods = 14;

// "GetPrompt".
const char* NameOf(Method method);

class Metrics {
 public:
  // `active_revision` is called at every scrape and must outlive the Metrics.
  explicit Metrics(std::function<std::string()> active_revision);
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void ObserveGetPrompt(std::chrono::nanoseconds latency);
  void CountRequest(Method method, const absl::Status& status);
  void CountDecision(const policy::Catalog& catalog,
                     const policy::Choice& choice);
  // A decision in mode APPRENTICE.
  void CountApprentice(const policy::Catalog& catalog,
                       const policy::Choice& choice);
  void CountActivation(const absl::Status& status);

  // Everything above, for an Exposer.
  std::vector<std::shared_ptr<prometheus::Collectable>> collectables() const;

 private:
  class RequestCounters;

  const std::shared_ptr<prometheus::Registry> registry_;
  const std::shared_ptr<LatencyHistogram> latency_;
  const std::shared_ptr<RequestCounters> requests_;
  const std::shared_ptr<DecisionCounters> decisions_;
  const std::shared_ptr<prometheus::Collectable> revision_info_;
  prometheus::Family<prometheus::Counter>& activations_;
};

}  // namespace attune::server

#endif  // ATTUNE_SERVER_METRICS_H_
