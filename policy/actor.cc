// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/actor.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "policy/dense.h"

namespace attune::policy {
namespace {

std::vector<int> Offsets(const std::vector<int>& options_per_pattern) {
  std::vector<int> offsets(options_per_pattern.size());
  std::exclusive_scan(options_per_pattern.begin(), options_per_pattern.end(),
                      offsets.begin(), 0);
  return offsets;
}

// With columns of zeros on the right, up to `cols`.
RowMajorMatrix Padded(const RowMajorMatrix& matrix, Eigen::Index cols) {
  RowMajorMatrix padded = RowMajorMatrix::Zero(matrix.rows(), cols);
  padded.leftCols(matrix.cols()) = matrix;
  return padded;
}

}  // namespace

int SampleOption(const Eigen::VectorXf& probabilities, float u) {
  float cumulative = 0.0F;
  int last_possible = 0;
  for (int a = 0; a < probabilities.size(); ++a) {
    if (probabilities[a] <= 0.0F) continue;
    last_possible = a;
    cumulative += probabilities[a];
    if (u < cumulative) return a;
  }
  return last_possible;
}

// Buffers of one decision, reused by every pattern.
struct Actor::Scratch {
  // Length of the state without the zeros at its end: what there is to
  // multiply. Without a previous iteration that is less than half.
  Eigen::Index inputs = 0;
  // Padded like the heads.
  Eigen::VectorXf hidden;
  Eigen::VectorXf logits;
  Eigen::VectorXf values;
  // Whether every pattern's logits were finite so far.
  bool is_finite = true;
};

Actor::Actor(std::vector<int> options_per_pattern)
    : options_per_pattern_(std::move(options_per_pattern)),
      option_offsets_(Offsets(options_per_pattern_)) {}

Actor::Actor(HeadsSettings settings, std::vector<int> options_per_pattern,
             std::vector<HeadWeights> heads, MatrixView option_embeddings,
             MatrixView option_projection)
    : settings_(settings),
      options_per_pattern_(std::move(options_per_pattern)),
      option_offsets_(Offsets(options_per_pattern_)) {
  const RowMajorMatrix projected_options =
      option_embeddings * option_projection.transpose() /
      std::sqrt(static_cast<float>(settings_.score_dim));
  heads_.reserve(heads.size());
  for (size_t k = 0; k < heads.size(); ++k) {
    heads_.push_back(MultiplyOut(static_cast<int>(k), heads[k],
                                 option_embeddings, projected_options));
  }
}

Actor::Head Actor::MultiplyOut(int pattern, const HeadWeights& weights,
                               const MatrixView& option_embeddings,
                               const RowMajorMatrix& projected_options) const {
  const Eigen::Index hidden = RoundUpToDenseStep(weights.w1.rows());
  const Eigen::Index e = settings_.kind == HeadsKind::kAutoregressive
                             ? option_embeddings.cols()
                             : 0;
  const Eigen::Index n = options_per_pattern_[pattern];
  const auto projected =
      projected_options.middleRows(option_offsets_[pattern], n);
  Head head;
  head.from_state =
      Padded(weights.w1.leftCols(weights.w1.cols() - e).transpose(), hidden);
  head.hidden_bias = Padded(weights.c1.transpose(), hidden).transpose();
  if (e > 0) {
    head.from_earlier =
        Padded(option_embeddings.topRows(option_offsets_[pattern]) *
                   weights.w1.rightCols(e).transpose(),
               hidden);
  }
  head.to_logits = RowMajorMatrix::Zero(hidden, RoundUpToDenseStep(n));
  head.to_logits.topLeftCorner(weights.w1.rows(), n) =
      weights.w2.transpose() * projected.transpose();
  head.logit_bias = Padded((projected * weights.c2 + weights.bias).transpose(),
                           RoundUpToDenseStep(n))
                        .transpose();
  return head;
}

Actor::Scratch Actor::MakeScratch(const Eigen::VectorXf& state) const {
  Scratch scratch;
  scratch.inputs = state.size();
  while (scratch.inputs > 0 && state[scratch.inputs - 1] == 0.0F) {
    --scratch.inputs;
  }
  return scratch;
}

void Actor::ComputeLogits(int pattern, const Eigen::VectorXf& state,
                          absl::Span<const int> earlier_options,
                          Scratch& scratch) const {
  const int n = options_per_pattern_[pattern];
  if (settings_.kind == HeadsKind::kUniform) {
    scratch.values.setZero(n);
    return;
  }
  const Head& head = heads_[pattern];
  scratch.hidden = head.hidden_bias;
  AddProduct(state.data(), scratch.inputs, head.from_state.data(),
             head.from_state.cols(), scratch.hidden.data());
  if (head.from_earlier.rows() > 0) {
    const int earlier =
        std::min(pattern, static_cast<int>(earlier_options.size()));
    for (int k = 0; k < earlier; ++k) {
      scratch.hidden +=
          head.from_earlier.row(option_offsets_[k] + earlier_options[k])
              .transpose();
    }
  }
  scratch.hidden = scratch.hidden.cwiseMax(0.0F);
  scratch.logits = head.logit_bias;
  AddProduct(scratch.hidden.data(), scratch.hidden.size(),
             head.to_logits.data(), head.to_logits.cols(),
             scratch.logits.data());
  scratch.values = scratch.logits.head(n);
}

void Actor::ComputeProbabilities(int pattern, const Eigen::VectorXf& state,
                                 absl::Span<const int> earlier_options,
                                 Scratch& scratch) const {
  ComputeLogits(pattern, state, earlier_options, scratch);
  Eigen::VectorXf& p = scratch.values;
  const float uniform = 1.0F / static_cast<float>(p.size());
  if (settings_.kind == HeadsKind::kUniform || !p.allFinite()) {
    scratch.is_finite &= settings_.kind == HeadsKind::kUniform;
    p.setConstant(uniform);
    return;
  }
  p = (p.array() - p.maxCoeff()).exp();
  p /= p.sum();
  const float floor = settings_.exploration_floor;
  p = (1.0F - floor) * p.array() + floor * uniform;
}

Choice Actor::Decide(const Eigen::VectorXf& state, DecisionMode mode,
                     Rng& rng) const {
  Choice choice;
  const int patterns = static_cast<int>(options_per_pattern_.size());
  choice.patterns.resize(patterns);
  std::vector<float>& all = choice.option_probabilities;
  all.reserve(std::accumulate(options_per_pattern_.begin(),
                              options_per_pattern_.end(), size_t{0}));
  absl::InlinedVector<int, 8> earlier;
  Scratch scratch = MakeScratch(state);
  for (int k = 0; k < patterns; ++k) {
    PatternChoice& chosen = choice.patterns[k];
    ComputeProbabilities(k, state, earlier, scratch);
    all.insert(all.end(), scratch.values.begin(), scratch.values.end());
    if (mode == DecisionMode::kGreedy) {
      scratch.values.maxCoeff(&chosen.option);
    } else {
      chosen.option = SampleOption(scratch.values, rng.UnitFloat());
      chosen.probability = scratch.values[chosen.option];
    }
    earlier.push_back(chosen.option);
  }
  choice.is_finite = scratch.is_finite;
  return choice;
}

Eigen::VectorXf Actor::Logits(int pattern, const Eigen::VectorXf& state,
                              absl::Span<const int> earlier_options) const {
  Scratch scratch = MakeScratch(state);
  ComputeLogits(pattern, state, earlier_options, scratch);
  return std::move(scratch.values);
}

Eigen::VectorXf Actor::Probabilities(
    int pattern, const Eigen::VectorXf& state,
    absl::Span<const int> earlier_options) const {
  Scratch scratch = MakeScratch(state);
  ComputeProbabilities(pattern, state, earlier_options, scratch);
  return std::move(scratch.values);
}

}  // namespace attune::policy
