// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_BANDIT_H_
#define ATTUNE_TRAINER_BANDIT_H_

// NeuralLinear Thompson sampling over joint choices.
//
// Sources: Riquelme et al. 2018, Deep Bayesian Bandits Showdown (arXiv
// 1802.09127), NeuralLinear; Russo et al. 2018, A Tutorial on Thompson Sampling
// (1707.02038), section 4.
//
// Where we differ from the papers:
// * The features of (state, choice) are products of an option and the state,
//   and pairs of options. What a network would learn, the directions of the
//   state in which users differ, is learned by empirical Bayes from a few
//   hundred rewards (reward_model.h): a linear network of one hidden layer.
// * The noise and the priors are estimated too, the priors one a pattern.
// * Each task gets several different choices, each the best of a draw of its
//   own; the task's luck, which they share, is a term of the model.
// * The policy that is served is not a draw but the posterior's mean, as heads
//   in closed form (linear_heads.h); its softmax explores little.

#include <cstdint>
#include <memory>

#include "trainer/actor_network.h"
#include "trainer/belief.h"
#include "trainer/learner.h"

namespace attune::trainer {

struct BanditOptions {
  BeliefOptions belief;
  // How much better, in units of the reward, an option has to be to be e times
  // as probable in the policy that is served.
  float temperature = 0.01F;
};

// REQUIRES: a spec that fits the samples to come.
std::unique_ptr<Learner> MakeBanditLearner(NetworkSpec spec,
                                           BanditOptions options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_BANDIT_H_
