// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SIM_REWARD_H_
#define ATTUNE_TRAINER_SIM_REWARD_H_

// Expected NDCG@10 of a simulated answer, as a function of its quality q.
//
// Candidates' scores are independent normals around their position's bias, the
// true item's around q more. Given the true item's score the number of others
// above it is Poisson-binomial; the rest is quadrature over that score, with
// the true item at every position equally often.
//
// Thread-compatible: const methods may run concurrently.

#include <vector>

namespace attune::trainer {

class SimReward {
 public:
  // `deviation` of every score; `position_bias` between first and last place.
  SimReward(int candidates, double position_bias, double deviation);

  // Interpolated in a table; the error is below 1e-4. Increasing in `quality`.
  double Expected(double quality) const;
  // Of an answer that says nothing: the displayed order stands.
  double Chance() const { return chance_; }
  // What the position adds to a candidate's score.
  double Bias(int position) const;

 private:
  double Integrate(double quality) const;

  int candidates_;
  double position_bias_;
  double deviation_;
  double chance_ = 0.0;
  std::vector<double> table_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SIM_REWARD_H_
