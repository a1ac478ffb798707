// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_SCORE_H_
#define ATTUNE_TRAINER_SIM_SCORE_H_

// How good choices and policies are for simulated users: exactly, without
// asking the LLM.

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/choice.h"
#include "policy/policy.h"
#include "trainer/sim_world.h"

namespace attune::trainer {

// Expected NDCG@10, averaged over users.
struct SimBounds {
  double uniform = 0.0;     // of the uniform policy
  double best_fixed = 0.0;  // of the one choice that is best for all together
  double optimum = 0.0;     // of each user's best choice
  std::vector<int> best_fixed_choice;

  // Where `value` lies between uniform (0) and the optimum (1).
  double Normalised(double value) const {
    return (value - uniform) / (optimum - uniform);
  }
};

// By enumerating every joint choice: some 30 ms for 8,400 choices and 250
// users. Pure.
SimBounds BoundsOf(const SimWorld& world, absl::Span<const int> users,
                   policy::Readout readout = policy::Readout::kLikelihood);

// Mean value of giving users[i] choices[i]. Pure.
double ValueOf(const SimWorld& world, absl::Span<const int> users,
               absl::Span<const std::vector<int>> choices,
               policy::Readout readout = policy::Readout::kLikelihood);

struct SimScore {
  SimBounds bounds;
  // Expected NDCG@10 of the policy's greedy choices for the held-out users.
  double policy = 0.0;
  // The same if every user gets another user's choice, averaged over all pairs:
  // nothing drops where nothing was personal.
  double shuffled = 0.0;
  // Held-out users, and what the policy chose for each.
  std::vector<int> users;
  std::vector<std::vector<int>> choices;

  double Normalised() const { return bounds.Normalised(policy); }
};

// Errors of Policy::Decide. Pure.
absl::StatusOr<SimScore> ScoreOnSim(const SimWorld& world,
                                    const policy::Policy& policy);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_SCORE_H_
