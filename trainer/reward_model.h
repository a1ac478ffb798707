// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REWARD_MODEL_H_
#define ATTUNE_TRAINER_REWARD_MODEL_H_

// What the learners believe of the reward of a state and a joint choice:
//   r = u.x + t + sum_k w_k[a_k].x + sum_{k<l} p_kl[a_k, a_l] + noise
// where x = [1, state, covariates]: the first weight of an option is what all
// users share, the next ones are what is personal. Bayesian linear regression
// with Gaussian priors:
//   option of pattern k   N(0, diag(common_k^2, personal_k^2 S, columns_k^2,
//                         covariate^2)): S along the user's embedding, a scale
//                         for each other number of the state
//   task t                N(0, task^2), one a case: all choices of one task
//                         share its luck, so it cancels between them
// Empirical Bayes: how large each kind of effect is, in which directions of
// their embeddings users differ at all (S, shared by every option), and which
// of the other numbers a pattern's options react to (automatic relevance
// determination), is read from the data, so that with little evidence every
// user's best choice is the best fixed one. Covariates (how easy the task was)
// are known in training only; options are drawn without a look at them, so they
// take noise away and add no bias.
//
// Sources: MacKay 1992 (evidence, relevance determination); Bonilla et al. 2008
// (covariance shared by tasks, here options); Laird & Ware 1982 (random
// intercepts). The fit is in the primal: its time does not grow with the number
// of samples.
//
// Thread-compatible. Deterministic: same cases and calls, same bits.

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "policy/item_table.h"
#include "policy/random.h"
#include "trainer/weight_posterior.h"

namespace attune::trainer {

struct RewardModelOptions {
  // Deviations of effects before any data, relative to the noise's.
  float user = 0.5F;
  float common = 0.3F;
  float personal = 0.3F;
  float covariate = 0.2F;
  float pair = 0.1F;
  // Weights whose belief a scale's start counts for, and options that the
  // start of S counts for.
  float scale_strength = 2.0F;
  float pair_strength = 20.0F;
  float direction_strength = 16.0F;
  // Share of S that its leading directions have to hold; the others are left
  // out of the fit.
  float kept = 0.98F;
  // Shares of personal^2 before any data: this on the user's embedding, half of
  // that along the directions in which users' embeddings vary; this on the
  // length of the history, of which prompts show a part; this on what says how
  // far a hint can be trusted; the rest on the other columns, alike.
  float embedding_share = 0.4F;
  float length_share = 0.15F;
  float trust_share = 0.4F;
  // Draws that expectations over the posterior are taken from.
  int draws = 48;
};

// Answers to choices of one task in one state.
struct Case {
  Eigen::VectorXf state;       // [dim] standardised
  Eigen::VectorXf covariates;  // [covariates] of mean 0
  std::vector<std::vector<int>> choices;
  std::vector<float> rewards;
};

// What the numbers of a state are.
struct StateLayout {
  int dim = 0;
  int embedding = 0;  // so many at the begin are the user's embedding
  int length = -1;    // which one is the length of the history; -1: none
  // Which ones say how far the collaborative scores can be trusted: their
  // margin, their spread, the share of candidates that they do not know.
  std::vector<int> trust = {};
};

// Weights of one belief (the mean, or a draw), in units of the reward.
struct RewardWeights {
  Eigen::VectorXf common;           // [total options]
  policy::RowMajorMatrix personal;  // [total options, dim]
  Eigen::MatrixXf pair;             // [total, total] symmetric, 0 in a pattern
  Eigen::VectorXf user;             // [dim]
  float mean = 0.0F;

  // [total options] common + personal . state
  Eigen::VectorXf Scores(const Eigen::VectorXf& state) const;
};

class RewardModel {
 public:
  RewardModel(std::vector<int> options_per_pattern, StateLayout layout,
              int covariates, RewardModelOptions options);

  void Add(const Case& one);
  // Refits to all cases so far; `steps` rounds of empirical Bayes first.
  void Fit(int steps);

  // Before any fit, zeros.
  const RewardWeights& mean() const { return mean_; }
  // Draws from the posterior; before any fit, from the prior in units of the
  // noise.
  std::vector<RewardWeights> Draw(int count, policy::Rng& rng) const;
  // Posterior variance of f(weights) = sum over (state, choice, sign) terms.
  struct Term {
    Eigen::VectorXf state;
    std::vector<int> options;
    float weight = 1.0F;
  };
  double Variance(absl::Span<const Term> terms) const;
  // Posterior mean of the reward of an average task.
  float Value(const Eigen::VectorXf& state,
              absl::Span<const int> options) const;

  // Standard deviation of the noise, and scales relative to it.
  float noise() const { return noise_; }
  float task_scale() const { return task_; }
  float pair_scale() const { return pair_scale_; }
  const Eigen::VectorXf& common_scale() const { return common_scale_; }
  // [patterns] along the embedding; [patterns, dim - embedding] of the others.
  const Eigen::VectorXf& personal_scale() const { return personal_scale_; }
  const Eigen::MatrixXf& column_scale() const { return column_scale_; }
  const Eigen::MatrixXf& directions() const { return directions_; }
  int64_t samples() const { return samples_; }
  absl::Span<const int> offsets() const { return offsets_; }
  absl::Span<const int> options_per_pattern() const {
    return options_per_pattern_;
  }
  int dim() const { return dim_; }

  // The scales and S as numbers, and back. A model with the scales and the
  // cases of another's last fit gets its bits by Fit(0).
  absl::Span<const Case> cases() const { return cases_; }
  std::vector<float> SaveScales() const;
  void LoadScales(absl::Span<const float> numbers);

 private:
  int Block(int option) const { return (1 + option) * width_; }
  Eigen::VectorXf Input(const Eigen::VectorXf& state,
                        const Eigen::VectorXf& covariates) const;
  // Brings the sums up to the cases; from the first one on if the tasks' luck
  // was taken out of them with another task_.
  void Accumulate();
  void Accumulate(const Case& one);
  // [scaled, samples] and [samples]: the samples as the scaled weights see
  // them, relative to the noise, tasks' luck taken out.
  void MakeRows(Eigen::MatrixXf& columns, Eigen::VectorXf& targets) const;
  // Along the embedding, before any reward.
  float FirstPersonalScale() const;
  // S before any reward, of trace 1.
  Eigen::MatrixXf FirstDirections() const;
  // [dim - embedding] of every pattern, before any reward.
  Eigen::VectorXf FirstColumnScales() const;
  // [embedding, kept] with root root' ~ S: its leading directions.
  Eigen::MatrixXf LeadingRoot() const;
  void MakeFactors();
  void Solve();
  void UpdateScales();
  // `spread`: draws around the mean. [scaled, draws]
  void UpdateDirections(const Eigen::MatrixXf& spread);
  // `determined`: number of weights that the data determine.
  void UpdateNoise(double determined);
  float RewardDeviation() const;
  // Weights of unit prior to weights relative to the noise: w = F v; and F' m.
  Eigen::VectorXf ToRaw(const Eigen::VectorXf& scaled) const;
  Eigen::VectorXf ToScaled(const Eigen::VectorXf& raw) const;
  // [scaled, scaled] F' gram F
  Eigen::MatrixXf ScaledGram() const;
  RewardWeights Unpack(const Eigen::VectorXf& raw) const;
  // What `weights` (raw) do not explain of a case's rewards.
  Eigen::VectorXf Residuals(const Case& one,
                            const Eigen::VectorXf& weights) const;

  const std::vector<int> options_per_pattern_;
  const StateLayout layout_;
  const int dim_;
  const int others_;  // dim - embedding
  const int covariates_;
  const RewardModelOptions options_;
  std::vector<int> offsets_;
  std::vector<int> pattern_of_;
  int total_ = 0;
  int width_ = 0;  // of an option's block: 1 + dim + covariates
  int raw_ = 0;    // weights
  int pairs_begin_ = 0;
  Eigen::MatrixXi pair_index_;  // [total, total]

  std::vector<Case> cases_;
  int64_t samples_ = 0;
  double reward_sum_ = 0.0;
  // sum phi phi' and sum phi r of the first cases, tasks' luck taken out.
  Eigen::MatrixXf gram_;
  Eigen::VectorXf moment_;
  Eigen::VectorXf moment_one_;  // sum phi
  size_t accumulated_ = 0;      // so many cases
  float accumulated_task_ = 0.0F;

  float noise_ = 0.0F;  // 0 before the first fit
  float task_ = 0.0F;
  float user_scale_ = 0.0F;
  float pair_scale_ = 0.0F;
  Eigen::VectorXf common_scale_;    // [K]
  Eigen::VectorXf personal_scale_;  // [K]
  Eigen::MatrixXf column_scale_;    // [K, others]
  Eigen::MatrixXf directions_;      // [embedding, embedding] S, of trace 1
  // [embedding, embedding] sum of x x' over the cases
  Eigen::MatrixXf embedding_square_;

  // [width, width'] of each pattern: how an option's scaled weights make its
  // raw ones.
  std::vector<Eigen::MatrixXf> factors_;
  Eigen::VectorXf user_factor_;  // [width]
  Eigen::MatrixXf root_;         // [embedding, kept] root root' ~ S
  // Of an option's block: 1 + kept + others + covariates.
  int scaled_width_ = 0;
  int scaled_ = 0;
  float center_ = 0.0F;
  WeightPosterior posterior_;  // of the scaled weights
  RewardWeights mean_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REWARD_MODEL_H_
