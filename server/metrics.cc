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
#include "server/metric_family.h"
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

template <typename Builder>
auto& Register(Builder builder, Metric metric, prometheus::Registry& registry) {
  return builder.Name(std::string(metric->name))
      .Help(std::string(metric->help))
      .Register(registry);
}

// attune_revision_info of the revision that is active now.
class RevisionInfo : public prometheus::Collectable {
 public:
  explicit RevisionInfo(std::function<std::string()> active_revision)
      : active_revision_(std::move(active_revision)) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family = MakeFamily("attune_revision_info");
    AddSeries(&family, 1, {{"revision", active_revision_()}});
    return {std::move(family)};
  }

 private:
  const std::function<std::string()> active_revision_;
};

}  // namespace

const char* NameOf(Method method) {
  return kMethodNames[static_cast<int>(method)];
}

// attune_requests_total without a lock.
class Metrics::RequestCounters : public prometheus::Collectable {
 public:
  void Count(Method method, absl::StatusCode code) {
    shards_[ThreadShard()]
        .counts[static_cast<int>(method)][static_cast<int>(code)]
        .fetch_add(1, std::memory_order_relaxed);
  }
  std::vector<prometheus::MetricFamily> Collect() const override {
    prometheus::MetricFamily family = MakeFamily("attune_requests_total");
    for (int method = 0; method < kMethods; ++method) {
      for (int code = 0; code < kCodes; ++code) {
        uint64_t count = 0;
        for (const Shard& shard : shards_) {
          count += shard.counts[method][code].load(std::memory_order_relaxed);
        }
        if (count == 0) continue;
        AddSeries(&family, static_cast<double>(count),
                  {{"code", CodeName(code)}, {"method", kMethodNames[method]}});
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
          Metric("attune_get_prompt_latency_seconds"))),
      requests_(std::make_shared<RequestCounters>()),
      decisions_(std::make_shared<DecisionCounters>()),
      revision_info_(
          std::make_shared<RevisionInfo>(std::move(active_revision))),
      activations_(Register(prometheus::BuildCounter(),
                            "attune_revision_activations_total", *registry_)) {
  Register(prometheus::BuildGauge(), "process_start_time_seconds", *registry_)
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
