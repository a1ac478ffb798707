// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_ACTOR_H_
#define ATTUNE_POLICY_ACTOR_H_

// The agents: one head per pattern that turns the user state into a probability
// for each option. Forward only; the trainer holds the same network in
// libtorch.
//
// Option scores are content-based, so that options can be added without
// changing a layer (RPP+ needs that):
//   logit_k(a) = f_k(x_k) . g(e(a)) / sqrt(m) + b_a
//   f_k(x) = W2_k relu(W1_k x + c1_k) + c2_k          [m]
//   g(e)   = G e                                      [m]
//   x_k = s                                   independent heads
//   x_k = [s ; sum_{j<k} e(a_j)]              autoregressive heads
// Probabilities keep an exploration floor: p = (1 - eps) softmax + eps / n.
//
// What a revision fixes is multiplied out once: what an earlier option adds to
// a later head's hidden layer, and the scores' map from the hidden layer,
// G e(a) . W2_k. A decision is left with two products a head.
//
// Thread-compatible: const methods may run concurrently.

#include <Eigen/Core>
#include <vector>

#include "absl/types/span.h"
#include "policy/choice.h"
#include "policy/item_table.h"
#include "policy/random.h"

namespace attune::policy {

// Values equal v1::HeadsKind.
enum class HeadsKind { kUniform = 1, kIndependent = 2, kAutoregressive = 3 };

struct HeadsSettings {
  HeadsKind kind = HeadsKind::kUniform;
  int hidden = 0;
  int score_dim = 0;
  float exploration_floor = 0.05F;
};

// Weights of one agent as the revision has them. Tensor names there:
// "head.<pattern>.w1" [hidden, in], ".c1" [hidden, 1], ".w2" [m, hidden],
// ".c2" [m, 1], ".bias" [options, 1].
struct HeadWeights {
  MatrixView w1{nullptr, 0, 0};
  MatrixView c1{nullptr, 0, 0};
  MatrixView w2{nullptr, 0, 0};
  MatrixView c2{nullptr, 0, 0};
  MatrixView bias{nullptr, 0, 0};
};

// The option that a uniform `u` in [0, 1) draws: the first whose cumulative
// probability is above it, else the last that is possible at all.
int SampleOption(const Eigen::VectorXf& probabilities, float u);

class Actor {
 public:
  // Uniform heads over patterns with these numbers of options.
  explicit Actor(std::vector<int> options_per_pattern);
  // `option_embeddings` [total options, e], `option_projection` G [m, e]
  // (tensor "option_projection"). Nothing is referred to afterwards.
  Actor(HeadsSettings settings, std::vector<int> options_per_pattern,
        std::vector<HeadWeights> heads, MatrixView option_embeddings,
        MatrixView option_projection);

  // Chooses an option for every pattern, in order. Choice::history_length is
  // left to the caller. kGreedy takes the first of the most probable options.
  Choice Decide(const Eigen::VectorXf& state, DecisionMode mode,
                Rng& rng) const;

  // Logits [n_k] of pattern k given the earlier patterns' options. Zero for
  // uniform heads.
  Eigen::VectorXf Logits(int pattern, const Eigen::VectorXf& state,
                         absl::Span<const int> earlier_options) const;
  // Probabilities with the exploration floor; they sum to 1 within 1e-6.
  // Uniform if the logits are not finite.
  Eigen::VectorXf Probabilities(int pattern, const Eigen::VectorXf& state,
                                absl::Span<const int> earlier_options) const;

  const HeadsSettings& settings() const { return settings_; }
  // First row of each pattern in the option embeddings.
  absl::Span<const int> option_offsets() const { return option_offsets_; }

 private:
  struct Scratch;
  // One agent, multiplied out; columns padded with zeros (dense.h).
  struct Head {
    // [state, hidden] W1 of the state, transposed.
    RowMajorMatrix from_state;
    // [hidden] c1.
    Eigen::VectorXf hidden_bias;
    // [options of the earlier patterns, hidden] W1 e(a); no rows unless
    // autoregressive.
    RowMajorMatrix from_earlier;
    // [hidden, n] W2' g(e(a)) / sqrt(m).
    RowMajorMatrix to_logits;
    // [n] g(e(a)) . c2 / sqrt(m) + b_a.
    Eigen::VectorXf logit_bias;
  };

  Head MultiplyOut(int pattern, const HeadWeights& weights,
                   const MatrixView& option_embeddings,
                   const RowMajorMatrix& projected_options) const;
  // Both fill `scratch.values` [n_k].
  void ComputeLogits(int pattern, const Eigen::VectorXf& state,
                     absl::Span<const int> earlier_options,
                     Scratch& scratch) const;
  void ComputeProbabilities(int pattern, const Eigen::VectorXf& state,
                            absl::Span<const int> earlier_options,
                            Scratch& scratch) const;
  Scratch MakeScratch(const Eigen::VectorXf& state) const;

  HeadsSettings settings_;
  std::vector<int> options_per_pattern_;
  std::vector<int> option_offsets_;
  std::vector<Head> heads_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_ACTOR_H_
