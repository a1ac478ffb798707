// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/reward_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace attune::trainer {
namespace {

float Square(float x) { return x * x; }

}  // namespace

Eigen::VectorXf RewardWeights::Scores(const Eigen::VectorXf& state) const {
  return common + personal * state;
}

RewardModel::RewardModel(std::vector<int> options_per_pattern,
                         StateLayout layout, int covariates,
                         RewardModelOptions options)
    : options_per_pattern_(std::move(options_per_pattern)),
      layout_(layout),
      dim_(layout.dim),
      others_(layout.dim - layout.embedding),
      covariates_(covariates),
      options_(options),
      width_(1 + layout.dim + covariates),
      task_(0.0F),
      user_scale_(options.user),
      pair_scale_(options.pair) {
  const auto patterns = static_cast<Eigen::Index>(options_per_pattern_.size());
  for (int k = 0; k < patterns; ++k) {
    offsets_.push_back(total_);
    pattern_of_.insert(pattern_of_.end(), options_per_pattern_[k], k);
    total_ += options_per_pattern_[k];
  }
  pairs_begin_ = (1 + total_) * width_;
  raw_ = pairs_begin_;
  pair_index_.setConstant(total_, total_, -1);
  for (int a = 0; a < total_; ++a) {
    for (int b = a + 1; b < total_; ++b) {
      if (pattern_of_[a] == pattern_of_[b]) continue;
      pair_index_(a, b) = pair_index_(b, a) = raw_++;
    }
  }
  common_scale_.setConstant(patterns, options.common);
  personal_scale_.setConstant(patterns, FirstPersonalScale());
  column_scale_ = FirstColumnScales().transpose().replicate(patterns, 1);
  embedding_square_.setZero(layout.embedding, layout.embedding);
  directions_ = FirstDirections();
  MakeFactors();
  mean_ = Unpack(Eigen::VectorXf::Zero(raw_));
}

Eigen::VectorXf RewardModel::Input(const Eigen::VectorXf& state,
                                   const Eigen::VectorXf& covariates) const {
  Eigen::VectorXf input = Eigen::VectorXf::Zero(width_);
  input[0] = 1.0F;
  input.segment(1, dim_) = state;
  if (covariates.size() > 0) input.tail(covariates_) = covariates;
  return input;
}

void RewardModel::Add(const Case& one) {
  cases_.push_back(one);
  samples_ += static_cast<int64_t>(one.rewards.size());
  for (const float reward : one.rewards) reward_sum_ += reward;
  const auto embedding = one.state.head(layout_.embedding);
  embedding_square_ += embedding * embedding.transpose();
}

RewardWeights RewardModel::Unpack(const Eigen::VectorXf& raw) const {
  RewardWeights weights;
  weights.mean = center_ + raw[0];
  weights.user = raw.segment(1, dim_);
  weights.common.resize(total_);
  weights.personal.resize(total_, dim_);
  weights.pair.setZero(total_, total_);
  for (int a = 0; a < total_; ++a) {
    weights.common[a] = raw[Block(a)];
    weights.personal.row(a) = raw.segment(Block(a) + 1, dim_);
    for (int b = 0; b < total_; ++b) {
      if (pair_index_(a, b) >= 0) weights.pair(a, b) = raw[pair_index_(a, b)];
    }
  }
  return weights;
}

float RewardModel::Value(const Eigen::VectorXf& state,
                         absl::Span<const int> options) const {
  float value = mean_.mean + mean_.user.dot(state);
  for (size_t k = 0; k < options.size(); ++k) {
    const int a = offsets_[k] + options[k];
    value += mean_.common[a] + mean_.personal.row(a).dot(state);
    for (size_t l = k + 1; l < options.size(); ++l) {
      value += mean_.pair(a, offsets_[l] + options[l]);
    }
  }
  return value;
}

Eigen::VectorXf RewardModel::Residuals(const Case& one,
                                       const Eigen::VectorXf& weights) const {
  const Eigen::VectorXf x = Input(one.state, one.covariates);
  Eigen::VectorXf residuals(static_cast<Eigen::Index>(one.rewards.size()));
  for (size_t i = 0; i < one.rewards.size(); ++i) {
    const std::vector<int>& choice = one.choices[i];
    float value = center_ + weights.head(width_).dot(x);
    for (size_t k = 0; k < choice.size(); ++k) {
      const int a = offsets_[k] + choice[k];
      value += weights.segment(Block(a), width_).dot(x);
      for (size_t l = k + 1; l < choice.size(); ++l) {
        value += weights[pair_index_(a, offsets_[l] + choice[l])];
      }
    }
    residuals[static_cast<Eigen::Index>(i)] = one.rewards[i] - value;
  }
  return residuals;
}

std::vector<RewardWeights> RewardModel::Draw(int count,
                                             policy::Rng& rng) const {
  Eigen::MatrixXf draws = posterior_.Spread(scaled_, count, rng);
  if (posterior_.fitted()) draws.colwise() += posterior_.mean();
  const float unit = posterior_.fitted() ? noise_ : 1.0F;
  std::vector<RewardWeights> weights;
  for (int i = 0; i < count; ++i) {
    weights.push_back(Unpack(unit * ToRaw(draws.col(i))));
  }
  return weights;
}

double RewardModel::Variance(absl::Span<const Term> terms) const {
  if (!posterior_.fitted()) return 0.0;
  Eigen::VectorXf raw = Eigen::VectorXf::Zero(raw_);
  for (const Term& term : terms) {
    const Eigen::VectorXf x = term.weight * Input(term.state, {});
    raw.head(width_) += x;
    for (size_t k = 0; k < term.options.size(); ++k) {
      const int a = offsets_[k] + term.options[k];
      raw.segment(Block(a), width_) += x;
      for (size_t l = k + 1; l < term.options.size(); ++l) {
        raw[pair_index_(a, offsets_[l] + term.options[l])] += term.weight;
      }
    }
  }
  return Square(noise_) * posterior_.Variance(ToScaled(raw));
}

}  // namespace attune::trainer
