// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LEARNER_HEALTH_H_
#define ATTUNE_TRAINER_LEARNER_HEALTH_H_

// When a learner must stop: its loss is no number, or its policy has collapsed.
//
// Pure functions; safe to call from any thread.

#include <cmath>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "trainer/learner.h"

namespace attune::trainer {

// Mean over the agents of "entropy.<pattern>" as a share of the uniform policy's;
// agents with a single option do not count. 1 if there is none.
inline double EntropyShare(const LearnerMetrics& metrics,
                           const std::vector<int>& options_per_pattern) {
  double entropy = 0.0;
  double uniform = 0.0;
  for (const auto& [name, value] : metrics) {
    if (absl::StartsWith(name, "entropy.")) entropy += value;
  }
  for (const int n : options_per_pattern) uniform += std::log(n);
  return uniform > 0.0 ? entropy / uniform : 1.0;
}

// kInternal or kFailedPrecondition; see Learner::Health().
inline absl::Status CheckPolicy(double loss, double entropy_share,
                                double floor) {
  if (!std::isfinite(loss) || !std::isfinite(entropy_share)) {
    return absl::InternalError(
        "the policy's loss is not a number: a reward or a state was none, or "
        "the "
        "learning rate is too large");
  }
  if (entropy_share < floor) {
    return absl::FailedPreconditionError(
        absl::StrCat("the policy collapsed: its entropy is ", entropy_share,
                     " of the uniform policy's, below the floor of ", floor));
  }
  return absl::OkStatus();
}

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LEARNER_HEALTH_H_
