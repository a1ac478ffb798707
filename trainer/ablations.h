// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ABLATIONS_H_
#define ATTUNE_TRAINER_ABLATIONS_H_

// A trained policy with one thing taken away, at no training: an agent frozen
// to the best fixed prompt's option, or the state without one of its parts.
//
// Pure functions; the choosers may be called concurrently.

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "policy/policy.h"
#include "trainer/chooser.h"
#include "trainer/evaluate.h"
#include "trainer/halving.h"

namespace attune::trainer {

// The policy's greedy choice, its option for `pattern` replaced. (The agents
// that come later in an autoregressive policy still saw what was replaced.)
// `policy` must outlive the chooser.
Chooser FrozenAgent(const policy::Policy& policy, int pattern, int option);

// A part of UserState::features that is there in a first iteration.
struct StatePart {
  std::string name;
  int begin = 0;
  int end = 0;
};
// "user embedding", "history statistics", "candidate statistics".
std::vector<StatePart> StateParts(const policy::Policy& policy);
// The greedy choice of a policy that sees zeros in that part. `policy` must
// outlive the chooser.
Chooser WithoutState(const policy::Policy& policy, StatePart part);

// One method for each pattern ("hint frozen") and each part of the state
// ("without user embedding"), over all seeds; `frozen` are the seeds' best
// fixed prompts. REQUIRES: as many as policies.
std::vector<Method> AblationMethods(
    absl::Span<const policy::Policy* const> policies,
    absl::Span<const FixedOptions> frozen);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ABLATIONS_H_
