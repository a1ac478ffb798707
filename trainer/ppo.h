// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_PPO_H_
#define ATTUNE_TRAINER_PPO_H_

// MAPPO for prompts: one actor a pattern, one central critic.
//
// Sources: Schulman et al. 2017 (PPO, arXiv 1707.06347); Yu et al. 2021
// (MAPPO, 2103.01955); Foerster et al. 2018 (counterfactual credit,
// 1705.08926); Gu et al. 2017 (Q-Prop, 1611.02247).
//
// Where we differ from the papers:
// * Each iteration is a decision of its own (a contextual bandit): rewards are
//   not discounted into earlier iterations, since nothing that the LLM sees
//   lasts but what the policy carries.
// * The critic judges the joint choice, not only the state: the Bayesian reward
//   model of reward_model.h, fitted to every round so far, since a few hundred
//   noisy rewards are all there is and a frozen LLM does not drift.
// * The policy gradient is doubly robust: the critic's counterfactual advantage
//   of every option, plus the clipped surrogate on what the critic did not
//   foresee, r - Q(s, a). The first has no sampling noise, the second corrects
//   the first where it is wrong. Where a task was given several choices, the
//   mean of the others' is taken out of the second (leave one out).
// * A part of each agent's target is the option of the best fixed prompt (a KL
//   to it), so that users of whom little is known are served what suits most.
// * Minibatches come from a window of rounds, not from the last one alone; the
//   ratio is taken to the probabilities with which each sample was chosen,
//   exploration floor included.
// * Advantages are divided by the rewards' deviation, not each minibatch's own,
//   so that the temperature keeps its meaning when there is nothing to learn.

#include <cstdint>
#include <memory>

#include "trainer/actor_network.h"
#include "trainer/belief.h"
#include "trainer/learner.h"

namespace attune::trainer {

struct PpoOptions {
  BeliefOptions belief;
  // Clipping range of the ratio.
  double clip = 0.2;
  // Gradient steps a round, more in the first rounds, when each says much that
  // is new; and samples a step.
  int first_steps = 12;
  int first_rounds = 20;
  int steps = 3;
  int minibatch = 128;
  // Samples that are kept for the policy, the newest; the critic keeps all.
  int window = 4096;
  // Adam's learning rates: matrices, which make the choice personal, and
  // biases, which all users share.
  double learning_rate = 3e-3;
  double bias_learning_rate = 3e-2;
  // How much better an option must be to be e times as probable, in units of
  // the rewards' deviation.
  double temperature = 0.05;
  // Weight of the best fixed option in an agent's target.
  double fixed_share = 0.05;
  // Weight of the clipped surrogate on what the critic did not foresee.
  double surrogate = 0.1;
  // Weight of the mean square of the scores' state-dependent part: pulls the
  // choice towards the one that suits everybody.
  double shrinkage = 1e-3;
  double max_gradient_norm = 1.0;
  // Health(): mean entropy of the agents, as a share of the uniform policy's,
  // below which the policy has collapsed.
  double entropy_floor = 0.02;
  uint64_t seed = 1;
};

// REQUIRES: a spec that fits the samples to come.
std::unique_ptr<Learner> MakePpoLearner(NetworkSpec spec, PpoOptions options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_PPO_H_
