// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_CENTRAL_CRITIC_H_
#define ATTUNE_TRAINER_CENTRAL_CRITIC_H_

// The critic of all agents together: the reward of a state and a joint choice,
//   Q(x, a) = mean + c.x                              how easy the user is
//           + sum_k  b_k[a_k]                         what all users share
//           + sum_k  w_k[a_k].x                       what is personal
//           + sum_{k<l} p_kl[a_k, a_l]                how two options combine
//           + (e + sum_k g_k[a_k]) z                  how easy the task is
// fitted to every sample by Bayesian linear regression: Gaussian priors, one for
// each pattern and kind of weight, and Gaussian noise. How much to believe in
// common and in personal effects of a pattern at all is read from the data (the
// evidence, MacKay 1992; one prior a group of weights, Neal 1996), so where
// rewards are few or noisy the critic falls back to the best fixed options.
// The ease z of a task (Sample::ease, standardised) is known in training only.
// Options are drawn without a look at it, so it takes noise away and adds no
// bias (a control variate); choices are judged at its mean, 0.
//
// Solved in the dual, one unknown a sample. Thread-compatible.

#include <Eigen/Core>
#include <vector>

#include "policy/item_table.h"

namespace attune::trainer {

struct CriticSamples {
  policy::RowMajorMatrix x;  // [N, d] standardised states
  Eigen::MatrixXi options;   // [N, K]
  Eigen::VectorXf ease;      // [N] standardised
  Eigen::VectorXf rewards;   // [N]
};

// Standard deviations of the priors relative to the noise's, for a state of
// unit mean square; see the formula above.
struct CriticPriors {
  float user = 0.5F;
  Eigen::VectorXf common;    // [K]
  Eigen::VectorXf personal;  // [K]
  float pair = 0.1F;
  float ease = 0.5F;
  float option_ease = 0.2F;
};

class CentralCritic {
 public:
  // Q = 0. REQUIRES: at least one pattern.
  CentralCritic(std::vector<int> options_per_pattern, int dim);

  // Halves or doubles each prior while the samples' evidence says so, from
  // where the last call left them. Costs about four fits a pattern.
  void ChoosePriors(const CriticSamples& samples);
  // Fits to the samples from scratch. Linear algebra of N^3 / 3
  // multiplications.
  void Fit(const CriticSamples& samples);

  // Q(x, a) of one choice [K] in a task of ease `z`.
  float Value(const Eigen::VectorXf& x, const Eigen::VectorXi& options,
              float z = 0.0F) const;
  // Q(x, (a', a_-k)) for every option a' of pattern k [n_k], up to a term that
  // does not depend on a'.
  Eigen::VectorXf Counterfactual(int k, const Eigen::VectorXf& x,
                                 const Eigen::VectorXi& options) const;

  // The fit as numbers, and back. REQUIRES: numbers of a critic of this shape.
  Eigen::VectorXf Save() const;
  void Load(const Eigen::VectorXf& numbers);

  const CriticPriors& priors() const { return priors_; }
  // Standard deviation of the rewards that the fit does not explain.
  float noise() const { return noise_; }

 private:
  void SetWeights(const CriticSamples& samples, const Eigen::VectorXf& dual);

  std::vector<int> options_per_pattern_;
  std::vector<int> offsets_;
  int total_ = 0;
  int dim_ = 0;
  CriticPriors priors_;
  float noise_ = 0.0F;
  float mean_ = 0.0F;
  Eigen::VectorXf user_;             // [d] c
  float ease_ = 0.0F;                // e
  Eigen::VectorXf option_ease_;      // [total options] g
  Eigen::VectorXf common_;           // [total options] b
  policy::RowMajorMatrix personal_;  // [total options, d] w
  Eigen::MatrixXf pair_;             // [total, total] p, symmetric
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_CENTRAL_CRITIC_H_
