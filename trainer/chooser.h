// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_CHOOSER_H_
#define ATTUNE_TRAINER_CHOOSER_H_

// Ways of choosing a prompt that an evaluation compares. All share one policy's
// catalog, encoder and item table, so that they differ in the choice alone.

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/policy.h"
#include "trainer/environment.h"

namespace attune::trainer {

// A pure function of the request (its seed included); may be called
// concurrently.
using Chooser = std::function<absl::StatusOr<policy::Decision>(
    const policy::Request& request)>;

// `policy` must outlive each of the choosers.
Chooser DefaultPrompt(const policy::Policy& policy);
Chooser FixedPrompt(const policy::Policy& policy, std::vector<int> options);
// Every option of a pattern equally probable, whatever the policy has learned.
Chooser UniformPrompt(const policy::Policy& policy);
Chooser SampledPrompt(const policy::Policy& policy);
Chooser GreedyPrompt(const policy::Policy& policy);

// The default option of each pattern.
std::vector<int> DefaultOptions(const policy::Catalog& catalog);

// What a caller would send for the task; shows the task's permutation. The task
// must outlive the request.
policy::Request RequestOf(const Task& task, uint64_t seed);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_CHOOSER_H_
