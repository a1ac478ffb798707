// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TRAFFIC_STATE_JSON_H_
#define ATTUNE_SERVER_TRAFFIC_STATE_JSON_H_

// The traffic's state as JSON: what state.json and Redis hold. Pure functions.

#include <string>

#include "absl/status/statusor.h"
#include "server/traffic_rule.h"

namespace attune::server {

std::string PrintTrafficState(const TrafficState& state);
// Passes over what it does not know. kDataLoss if it is no such state.
absl::StatusOr<TrafficState> ParseTrafficState(const std::string& bytes);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TRAFFIC_STATE_JSON_H_
