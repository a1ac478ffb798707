// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_SCORE_H_
#define ATTUNE_TRAINER_SIM_SCORE_H_

// How good a policy is for simulated users: exactly, without asking the LLM.

#include "absl/status/statusor.h"
#include "policy/policy.h"
#include "trainer/sim_world.h"

namespace attune::trainer {

struct SimScore {
  SimWorld::Bounds bounds;
  // Expected NDCG@10 of the policy's greedy choice, averaged over the users
  // that are not for training.
  double policy = 0.0;

  // 0: uniform, 1: the optimum of every user.
  double Normalised() const {
    return (policy - bounds.uniform) / (bounds.optimum - bounds.uniform);
  }
};

// Errors of Policy::Decide. Pure; takes as long as the world has joint choices.
absl::StatusOr<SimScore> ScoreOnSim(const SimWorld& world,
                                    const policy::Policy& policy);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_SCORE_H_
