// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/actor.h"

#include <cmath>
#include <numeric>
#include <utility>

namespace attune::policy {
namespace {

std::vector<int> Offsets(const std::vector<int>& options_per_pattern) {
  std::vector<int> offsets(options_per_pattern.size());
  std::exclusive_scan(options_per_pattern.begin(), options_per_pattern.end(),
                      offsets.begin(), 0);
  return offsets;
}

int Sample(const Eigen::VectorXf& probabilities, float u) {
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

}  // namespace

// Buffers of one decision, reused by every pattern.
struct Actor::Scratch {
  // Length of the state without the zeros at its end: what there is to
  // multiply. Without a previous iteration that is less than half.
  Eigen::Index inputs = 0;
  Eigen::VectorXf hidden;
  Eigen::VectorXf score;
  // [e] Sum of the earlier options' embeddings; empty unless autoregressive.
  Eigen::VectorXf earlier;
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
      option_offsets_(Offsets(options_per_pattern_)),
      heads_(std::move(heads)),
      option_embeddings_(option_embeddings),
      projected_options_(option_embeddings * option_projection.transpose()) {
  // The scale of the scores, taken out of every decision.
  projected_options_ /= std::sqrt(static_cast<float>(settings_.score_dim));
}

Actor::Scratch Actor::MakeScratch(const Eigen::VectorXf& state,
                                  absl::Span<const int> earlier_options) const {
  Scratch scratch;
  scratch.inputs = state.size();
  while (scratch.inputs > 0 && state[scratch.inputs - 1] == 0.0F) {
    --scratch.inputs;
  }
  if (settings_.kind == HeadsKind::kAutoregressive) {
    scratch.earlier = Eigen::VectorXf::Zero(option_embeddings_.cols());
    for (int k = 0; k < static_cast<int>(earlier_options.size()); ++k) {
      AddEarlier(k, earlier_options[k], scratch);
    }
  }
  return scratch;
}

void Actor::AddEarlier(int pattern, int option, Scratch& scratch) const {
  if (scratch.earlier.size() == 0) return;
  scratch.earlier +=
      option_embeddings_.row(option_offsets_[pattern] + option).transpose();
}

void Actor::ComputeLogits(int pattern, const Eigen::VectorXf& state,
                          Scratch& scratch) const {
  const int n = options_per_pattern_[pattern];
  if (settings_.kind == HeadsKind::kUniform) {
    scratch.values.setZero(n);
    return;
  }
  const HeadWeights& head = heads_[pattern];
  scratch.hidden = head.c1.col(0);
  scratch.hidden.noalias() +=
      head.w1.leftCols(scratch.inputs) * state.head(scratch.inputs);
  if (scratch.earlier.size() > 0 && pattern > 0) {
    scratch.hidden.noalias() +=
        head.w1.rightCols(scratch.earlier.size()) * scratch.earlier;
  }
  scratch.hidden = scratch.hidden.cwiseMax(0.0F);
  scratch.score = head.c2.col(0);
  scratch.score.noalias() += head.w2 * scratch.hidden;
  scratch.values = head.bias.col(0);
  scratch.values.noalias() +=
      projected_options_.middleRows(option_offsets_[pattern], n) *
      scratch.score;
}

void Actor::ComputeProbabilities(int pattern, const Eigen::VectorXf& state,
                                 Scratch& scratch) const {
  ComputeLogits(pattern, state, scratch);
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
  Scratch scratch = MakeScratch(state, {});
  for (int k = 0; k < patterns; ++k) {
    PatternChoice& chosen = choice.patterns[k];
    ComputeProbabilities(k, state, scratch);
    if (mode == DecisionMode::kGreedy) {
      scratch.values.maxCoeff(&chosen.option);
    } else {
      chosen.option = Sample(scratch.values, rng.UnitFloat());
      chosen.probability = scratch.values[chosen.option];
    }
    AddEarlier(k, chosen.option, scratch);
  }
  choice.is_finite = scratch.is_finite;
  return choice;
}

Eigen::VectorXf Actor::Logits(int pattern, const Eigen::VectorXf& state,
                              absl::Span<const int> earlier_options) const {
  Scratch scratch = MakeScratch(state, earlier_options);
  ComputeLogits(pattern, state, scratch);
  return std::move(scratch.values);
}

Eigen::VectorXf Actor::Probabilities(
    int pattern, const Eigen::VectorXf& state,
    absl::Span<const int> earlier_options) const {
  Scratch scratch = MakeScratch(state, earlier_options);
  ComputeProbabilities(pattern, state, scratch);
  return std::move(scratch.values);
}

}  // namespace attune::policy
