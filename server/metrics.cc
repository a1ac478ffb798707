// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/metrics.h"

#include <prometheus/gauge.h>

#include <array>
#include <atomic>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/thread_shard.h"

namespace attune::server {
namespace {

constexpr int kCodes = 17;
constexpr const char* kMethodNames[kMethods] = {
    "GetPrompt",     "PreviewPrompt", "StreamPrompts",  "RecordFeedback",
    "PushRevision",  "GetPushOffset", "ListRevisions",  "GetRevision",
    "SetTraffic",    "Rollback",      "DeleteRevision", "WatchRevisions",
    "ListDecisions", "ForgetUser"};

std::string CodeName(int code) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

// attune_revision_info of the revision that is active now.
class RevisionInfo : public prometheus::Collectable {
 public:
  explicit RevisionInfo(std::function<std::string()> active_revision)
      : active_revision_(std::move(active_revision)) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::ClientMetric metric;
    metric.label.push_back({"revision", active_revision_()});
    metric.gauge.value = 1;
    return {{"attune_revision_info",
             "The active revision",
             prometheus::MetricType::Gauge,
             {metric}}};
  }

 private:
  const std::function<std::string()> active_revision_;
};

}  // namespace

// attune_requests_total without a lock.
class Metrics::RequestCounters : public prometheus::Collectable {
 public:
  void Count(Method method, absl::StatusCode code) {
    shards_[ThreadShard()]
        .counts[static_cast<int>(method)][static_cast<int>(code)]
        .fetch_add(1, std::memory_order_relaxed);
  }
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family{"attune_requests_total",
                                    "Requests by method and canonical code",
                                    prometheus::MetricType::Counter,
                                    {}};
    for (int method = 0; method < kMethods; ++method) {
      for (int code = 0; code < kCodes; ++code) {
        uint64_t count = 0;
        for (const Shard& shard : shards_) {
          count += shard.counts[method][code].load(std::memory_order_relaxed);
        }
        if (count == 0) continue;
        prometheus::ClientMetric metric;
        metric.label = {{"code", CodeName(code)},
                        {"method", kMethodNames[method]}};
        metric.counter.value = static_cast<double>(count);
        family.metric.push_back(std::move(metric));
      }
    }
    return {std::move(family)};
  }

 private:
  struct alignas(64) Shard {
    std::array<std::array<std::atomic<uint64_t>, kCodes>, kMethods> counts = {};
  };
  std::array<Shard, kThreadShards> shards_ = {};
};

Metrics::Metrics(std::function<std::string()> active_revision)
    : registry_(std::make_shared<prometheus::Registry>()),
      latency_(std::make_shared<LatencyHistogram>(
          "attune_get_prompt_latency_seconds",
          "Time from the parsed frame to the serialized answer")),
      requests_(std::make_shared<RequestCounters>()),
      decisions_(std::make_shared<DecisionCounters>()),
      revision_info_(
          std::make_shared<RevisionInfo>(std::move(active_revision))),
      activations_(prometheus::BuildCounter()
                       .Name("attune_revision_activations_total")
                       .Help("Attempts to make a revision active, by result")
                       .Register(*registry_)) {
  prometheus::BuildGauge()
      .Name("process_start_time_seconds")
      .Help("Start of the process in seconds since the epoch")
      .Register(*registry_)
      .Add({})
      .Set(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()));
}

void Metrics::ObserveGetPrompt(std::chrono::nanoseconds latency) {
  latency_->Observe(latency);
}

void Metrics::CountRequest(Method method, const absl::Status& status) {
  requests_->Count(method, status.code());
}

void Metrics::CountDecision(const policy::Catalog& catalog,
                            const policy::Choice& choice) {
  decisions_->Count(catalog, choice);
}

void Metrics::CountApprentice(const policy::Catalog& catalog,
                              const policy::Choice& choice) {
  decisions_->CountApprentice(catalog, choice);
}

void Metrics::CountActivation(const absl::Status& status) {
  activations_
      .Add({{"result",
             absl::AsciiStrToLower(absl::StatusCodeToString(status.code()))}})
      .Increment();
}

std::vector<std::shared_ptr<prometheus::Collectable>> Metrics::collectables()
    const {
  return {registry_, latency_, requests_, decisions_, revision_info_};
}

}  // namespace attune::server
