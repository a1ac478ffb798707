// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_HEADROOM_H_
#define ATTUNE_TRAINER_HEADROOM_H_

// How much a policy that knew every user's best choice could gain over the best
// fixed prompt, from a table of rewards of a few choices on several targets of
// one user.
//
// The naive oracle picks each user's best choice and reports it on the same
// targets, so it also gains what is luck. The cross-fitted one picks on all
// targets but one and reports on that one, so luck does not carry over: an
// honest lower bound, since so few targets do not always find the best choice.
//
// Source: leave-one-out cross-fitting (Chernozhukov et al. 2018 for the name).
//
// Pure functions; safe to call from any thread.

#include <Eigen/Core>
#include <cstdint>

#include "absl/types/span.h"
#include "trainer/statistics.h"

namespace attune::trainer {

// One user's rewards, [targets, choices]; NaN where the LLM failed.
using UserRewards = Eigen::MatrixXd;

struct Headroom {
  Interval cross_fitted;  // over users
  Interval naive;
  int users = 0;
  // Mean over these users, incomplete targets not counted.
  double targets_per_user = 0.0;
};

// Choice `fixed` is the best fixed prompt. Users with fewer than two targets on
// which every choice was answered are left out. REQUIRES: fixed is a column of
// each table.
Headroom MeasureHeadroom(absl::Span<const UserRewards> users, int fixed,
                         uint64_t seed);

// Pieces. Without NaN, at least two targets. Ties go to the fixed prompt.
double CrossFittedGain(const UserRewards& rewards, int fixed);
double NaiveGain(const UserRewards& rewards, int fixed);
// The choice of the largest mean.
int BestChoice(const UserRewards& rewards, int fixed);
// The rows without NaN.
UserRewards CompleteTargets(const UserRewards& rewards);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_HEADROOM_H_
