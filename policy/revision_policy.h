// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_REVISION_POLICY_H_
#define ATTUNE_POLICY_REVISION_POLICY_H_

// Makes the policy that a manifest and its payload describe, and replays golden
// vectors on it. Internal to the codec: use revision.h.
//
// Pure functions; safe to call from any thread.

#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "attune/v1/revision.pb.h"
#include "policy/policy.h"

namespace attune::policy::revision_internal {

// Verifies the manifest's settings, its catalog and every tensor. The policy's
// views point into `payload`, which must outlive it and begin at a multiple
// of 64.
//
// With `derived`, of an item table that was verified before: its values are not
// read again.
absl::StatusOr<std::unique_ptr<const Policy>> MakePolicy(
    const v1::RevisionManifest& manifest, std::string_view payload,
    std::optional<ItemTable::Derived> derived = std::nullopt);

// What `policy` answers to this input.
absl::StatusOr<v1::GoldenVector> MakeGoldenVector(
    const Policy& policy, absl::Span<const Item> history,
    absl::Span<const Item> candidates, uint64_t seed);

// kInvalidArgument names the vector and what differs.
absl::Status ReplayGoldenVectors(const Policy& policy,
                                 const v1::RevisionManifest& manifest);

}  // namespace attune::policy::revision_internal

#endif  // ATTUNE_POLICY_REVISION_POLICY_H_
