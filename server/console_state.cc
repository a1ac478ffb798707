// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/console_state.h"

#include <prometheus/metric_family.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "attune/v1/policy_service.pb.h"
#include "server/audit_log.h"
#include "server/convert.h"
#include "server/message_json.h"

namespace attune::server {
namespace {

using Json = nlohmann::ordered_json;

bool IsInTraffic(const std::string& id, const TrafficPlan& plan) {
  return id == plan.active || id == plan.canary || id == plan.shadow;
}

// The newest, and all that are in traffic: v1.Revision.
Json Revisions(const RevisionRegistry& registry,
               const std::vector<StoredRevision>& stored,
               const TrafficPlan& plan) {
  Json json = Json::array();
  const auto add = [&](const StoredRevision& revision) {
    v1::Revision proto;
    RevisionToProto(revision, plan, ManifestView::kBasic, &proto);
    json.push_back(MessageToJson(proto));
  };
  bool active_is_stored = false;
  int others = 0;
  for (const StoredRevision& revision : stored) {
    const std::string& id = revision.revision->id();
    active_is_stored |= id == plan.active;
    if (IsInTraffic(id, plan) || others++ < kMaxShownRevisions) add(revision);
  }
  if (active_is_stored) return json;
  const auto uniform = registry.Get(plan.active);
  if (uniform.ok()) add(*uniform);
  return json;
}

Json Number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

Json Sample(const prometheus::ClientMetric& metric,
            prometheus::MetricType type) {
  Json json = {{"labels", Json::object()}};
  for (const auto& label : metric.label) {
    json["labels"][label.name] = label.value;
  }
  if (type != prometheus::MetricType::Histogram) {
    json["value"] =
        Number(type == prometheus::MetricType::Counter ? metric.counter.value
                                                       : metric.gauge.value);
    return json;
  }
  json["count"] = metric.histogram.sample_count;
  json["sum"] = Number(metric.histogram.sample_sum);
  json["buckets"] = Json::array();
  for (const auto& bucket : metric.histogram.bucket) {
    json["buckets"].push_back(
        {Number(bucket.upper_bound), bucket.cumulative_count});
  }
  return json;
}

Json Metrics(
    const std::vector<std::shared_ptr<prometheus::Collectable>>& collectables) {
  Json json = Json::object();
  for (const auto& collectable : collectables) {
    for (const auto& family : collectable->Collect()) {
      Json& samples = json[family.name];
      samples = Json::array();
      for (const auto& metric : family.metric) {
        samples.push_back(Sample(metric, family.type));
      }
    }
  }
  return json;
}

}  // namespace

std::string StateJson(
    const RevisionRegistry& registry,
    const std::vector<std::shared_ptr<prometheus::Collectable>>& collectables) {
  const TrafficPlan plan = registry.Plan();
  const std::vector<StoredRevision> stored = registry.List();
  v1::Traffic traffic;
  TrafficToProto(plan, &traffic);
  Json json = {{"version", ATTUNE_VERSION},
               {"traffic", MessageToJson(traffic)},
               {"sequence", registry.Traffic()->sequence},
               {"revisions", Revisions(registry, stored, plan)},
               {"stored_revisions", stored.size()},
               {"changes", Json::array()},
               {"metrics", Metrics(collectables)}};
  for (const std::string& line :
       ReadLastEntries(registry.audit_path(), kMaxShownChanges)) {
    json["changes"].push_back(Json::parse(line));
    json["changes"].back().erase("previous");
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace attune::server
