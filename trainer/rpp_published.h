// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_RPP_PUBLISHED_H_
#define ATTUNE_TRAINER_RPP_PUBLISHED_H_

// RPP as its published code computes it, faults included: the control that our
// learners are measured against. Not for use.
//
// Source: Mao et al. 2024 (arXiv 2407.17115); the behaviour of the published
// code, described without its text:
// * One reward for everybody: the mean of the round's, for every user and agent.
// * One displayed permutation for all users of a round (SharedPermutation).
// * The temporal difference has V(s) and V(s') in each other's place,
//   delta = gamma V(s) + r - V(s'), and the critic minimises
//   (gamma V(s) - V(s'))^2: it never sees the reward and becomes a constant.
// * No baseline, no entropy bonus, no clipping of gradients; Adam with 3e-4 for
//   actors and 5e-4 for critics; rounds of 200 users, one step each.
// * States as they are, not standardised; after an episode's last iteration V(s')
//   is the value of a zero state, since the published critic saw zeros there.
//
// Where we differ from the published code, so that it can run beside the others:
// * Actors are the heads of policy/actor.h (two layers, content-scored options,
//   exploration floor) and critics have no batch normalisation.
// * The state is our encoder's, prompts and answers are decoded correctly, and
//   every prompt holds its own user's history. Each of these favours it.

#include <memory>

#include "trainer/actor_network.h"
#include "trainer/learner.h"

namespace attune::trainer {

struct RppPublishedOptions {
  double gamma = 0.95;
  double actor_learning_rate = 3e-4;
  double critic_learning_rate = 5e-4;
  // Width of each critic's hidden layer.
  int critic_hidden = 64;
  // Samples that one optimiser step sees: rounds are put together until there
  // are so many.
  int batch = 200;
};

// REQUIRES: a spec that fits the samples to come.
std::unique_ptr<Learner> MakeRppPublishedLearner(NetworkSpec spec,
                                                 RppPublishedOptions options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_RPP_PUBLISHED_H_
