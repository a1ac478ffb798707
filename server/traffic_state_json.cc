// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/traffic_state_json.h"

#include <nlohmann/json.hpp>

namespace attune::server {
namespace {

// The canary and the shadow, which states of before they existed do not have.
bool ParseTrial(const nlohmann::json& json, TrafficState* state) {
  const auto text = [&json](const char* name, std::string* out) {
    const auto found = json.find(name);
    if (found == json.end()) return true;
    if (!found->is_string()) return false;
    *out = found->get<std::string>();
    return true;
  };
  const auto count = [&json](const char* name, int64_t* out) {
    const auto found = json.find(name);
    if (found == json.end()) return true;
    if (!found->is_number_integer()) return false;
    *out = found->get<int64_t>();
    return *out >= 0;
  };
  const auto share = json.find("canary_share");
  if (share != json.end()) {
    if (!share->is_number()) return false;
    state->canary_share = share->get<double>();
  }
  return text("canary", &state->canary) && text("shadow", &state->shadow) &&
         count("sequence", &state->sequence) && count("trial", &state->trial) &&
         state->canary_share >= 0.0 && state->canary_share <= 1.0;
}

}  // namespace

absl::StatusOr<TrafficState> ParseTrafficState(const std::string& bytes) {
  const auto json = nlohmann::json::parse(bytes, nullptr, false);
  const absl::Status bad = absl::DataLossError(
      "state.json: not an object with format 1 and a list of activations");
  if (!json.is_object() || json.value("format", nlohmann::json()) != 1) {
    return bad;
  }
  const auto list = json.find("activations");
  if (list == json.end() || !list->is_array()) return bad;
  TrafficState state;
  for (const auto& id : *list) {
    if (!id.is_string()) return bad;
    state.activations.push_back(id.get<std::string>());
  }
  if (!ParseTrial(json, &state)) return bad;
  return state;
}

std::string PrintTrafficState(const TrafficState& state) {
  nlohmann::ordered_json json = {{"format", 1},
                                 {"activations", state.activations},
                                 {"sequence", state.sequence},
                                 {"trial", state.trial}};
  if (!state.canary.empty()) {
    json["canary"] = state.canary;
    json["canary_share"] = state.canary_share;
  }
  if (!state.shadow.empty()) json["shadow"] = state.shadow;
  return json.dump(2) + "\n";
}

}  // namespace attune::server
