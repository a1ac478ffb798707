// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_A2C_H_
#define ATTUNE_TRAINER_A2C_H_

// The paper's learner: advantage actor-critic, one actor and one critic a
// pattern, all of which see the shared state.
//
// Source: Mao et al. 2024, Reinforced Prompt Personalization (arXiv
// 2407.17115), section on multi-agent actor-critic:
//   delta_k = r + gamma V_k(s') - V_k(s)
//   actor k descends -log pi_k(a_k | s) delta_k;  critic k descends delta_k^2
//
// Where we differ from the paper:
// * The reward is each user's own NDCG@10, not the mean over the batch.
// * The critic's target holds the reward; V(s') is a constant in it and 0 after
//   an episode's last iteration.
// * Where a task was given several choices, the mean of the others' errors is
//   taken out of each one's (leave one out).
// * Critics have no batch normalisation, which would mix users.
// * Learning rates are larger: the published ones move a weight by 0.005 in a
//   whole pass.
// * Actors score options by content (policy/actor.h) and keep an exploration
//   floor, as every learner here; with independent heads they are the paper's
//   two layers.

#include <cstdint>
#include <memory>

#include "trainer/actor_network.h"
#include "trainer/learner.h"

namespace attune::trainer {

struct A2cOptions {
  // Discount of the next iteration's value.
  double gamma = 0.95;
  // Adam's learning rates: the paper has 3e-4 and 5e-4.
  double actor_learning_rate = 3e-3;
  double critic_learning_rate = 5e-3;
  // Width of each critic's hidden layer.
  int critic_hidden = 64;
  double max_gradient_norm = 1.0;
  // Health(): mean entropy of the agents, as a share of the uniform policy's,
  // below which the policy has collapsed.
  double entropy_floor = 0.02;
};

// REQUIRES: a spec that fits the samples to come.
std::unique_ptr<Learner> MakeA2cLearner(NetworkSpec spec, A2cOptions options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_A2C_H_
