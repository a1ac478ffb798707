// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_ACTIVATION_RULE_H_
#define ATTUNE_SERVER_ACTIVATION_RULE_H_

// Which revision is active after an order: decided here, done by
// RevisionRegistry. Pure functions; safe to call from any thread.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace attune::server {

// Ids of the revisions that were made active, oldest first; the last one is
// active. Never the same id twice in a row. Empty: none was ever activated.
using Activations = std::vector<std::string>;

// Longest history that is kept; the oldest entries go first.
inline constexpr size_t kMaxActivations = 256;

// After `id` was made active. Unchanged if it is active already.
Activations AfterActivate(Activations activations, std::string_view id);

// After one step back. kFailedPrecondition if there is no earlier revision.
absl::StatusOr<Activations> AfterRollback(Activations activations);

// After a restart that found only some revisions usable: the newest previous
// good one is active.
Activations AfterRestart(
    const Activations& activations,
    const std::function<bool(const std::string&)>& is_usable);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_ACTIVATION_RULE_H_
