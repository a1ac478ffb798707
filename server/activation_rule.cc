// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/activation_rule.h"

#include <utility>

#include "absl/status/status.h"
#include "server/error_reason.h"

namespace attune::server {

Activations AfterActivate(Activations activations, std::string_view id) {
  if (!activations.empty() && activations.back() == id) return activations;
  activations.emplace_back(id);
  if (activations.size() > kMaxActivations) {
    activations.erase(activations.begin());
  }
  return activations;
}

absl::StatusOr<Activations> AfterRollback(Activations activations) {
  if (activations.size() < 2) {
    return WithReason(
        absl::FailedPreconditionError("there is no earlier revision"),
        "NO_EARLIER_REVISION");
  }
  activations.pop_back();
  return activations;
}

Activations AfterRestart(
    const Activations& activations,
    const std::function<bool(const std::string&)>& is_usable) {
  Activations usable;
  for (const std::string& id : activations) {
    if (is_usable(id)) usable = AfterActivate(std::move(usable), id);
  }
  return usable;
}

}  // namespace attune::server
