// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/reward_model.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <utility>

namespace attune::trainer {
namespace {

// Prior deviation of the mean reward, relative to the noise's.
constexpr float kMeanScale = 10.0F;

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
  personal_scale_.setConstant(patterns, options.personal);
  states_square_.setZero(dim_, dim_);
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
  states_square_ += one.state * one.state.transpose();
}

Eigen::MatrixXf RewardModel::FirstDirections() const {
  Eigen::MatrixXf first = Eigen::MatrixXf::Zero(dim_, dim_);
  const int embedding = layout_.embedding;
  float rest = 1.0F;
  if (embedding > 0) {
    const float half = 0.5F * options_.embedding_share;
    rest -= options_.embedding_share;
    first.diagonal().head(embedding).setConstant(half /
                                                 static_cast<float>(embedding));
    const auto square = states_square_.topLeftCorner(embedding, embedding);
    if (square.trace() > 0.0F) {
      first.topLeftCorner(embedding, embedding) +=
          half / square.trace() * square;
    }
  }
  if (layout_.length >= 0) {
    rest -= options_.length_share;
    first(layout_.length, layout_.length) += options_.length_share;
  }
  if (!layout_.trust.empty()) {
    rest -= options_.trust_share;
    for (const int column : layout_.trust) {
      first(column, column) +=
          options_.trust_share / static_cast<float>(layout_.trust.size());
    }
  }
  const int others = dim_ - embedding;
  if (others > 0) {
    first.diagonal().tail(others).array() += rest / static_cast<float>(others);
  }
  return first / first.trace();
}

void RewardModel::MakeFactors() {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf> eigen(directions_);
  float held = 0.0F;
  int kept = 0;
  while (kept < dim_ && held < options_.kept * directions_.trace()) {
    held += std::max(0.0F, eigen.eigenvalues()[dim_ - 1 - kept++]);
  }
  root_ =
      eigen.eigenvectors().rightCols(kept) *
      eigen.eigenvalues().tail(kept).cwiseMax(0.0F).cwiseSqrt().asDiagonal();
  scaled_width_ = 1 + kept + covariates_;
  scaled_ = width_ + total_ * scaled_width_ + (raw_ - pairs_begin_);
  factors_.clear();
  for (size_t k = 0; k < options_per_pattern_.size(); ++k) {
    Eigen::MatrixXf& factor =
        factors_.emplace_back(Eigen::MatrixXf::Zero(width_, scaled_width_));
    factor(0, 0) = common_scale_[k];
    factor.block(1, 1, dim_, kept) = personal_scale_[k] * root_;
    factor.bottomRightCorner(covariates_, covariates_)
        .diagonal()
        .setConstant(options_.covariate);
  }
  user_factor_.setConstant(width_, options_.covariate);
  user_factor_[0] = kMeanScale;
  user_factor_.segment(1, dim_).setConstant(
      user_scale_ / std::sqrt(static_cast<float>(std::max(1, dim_))));
  user_factor_.tail(covariates_).setConstant(options_.user);
}

Eigen::VectorXf RewardModel::ToRaw(const Eigen::VectorXf& scaled) const {
  Eigen::VectorXf raw(raw_);
  raw.head(width_) = user_factor_.cwiseProduct(scaled.head(width_));
  for (int a = 0; a < total_; ++a) {
    raw.segment(Block(a), width_) =
        factors_[pattern_of_[a]] *
        scaled.segment(width_ + a * scaled_width_, scaled_width_);
  }
  raw.tail(raw_ - pairs_begin_) =
      pair_scale_ * scaled.tail(raw_ - pairs_begin_);
  return raw;
}

Eigen::VectorXf RewardModel::ToScaled(const Eigen::VectorXf& raw) const {
  Eigen::VectorXf scaled(scaled_);
  scaled.head(width_) = user_factor_.cwiseProduct(raw.head(width_));
  for (int a = 0; a < total_; ++a) {
    scaled.segment(width_ + a * scaled_width_, scaled_width_) =
        factors_[pattern_of_[a]].transpose() * raw.segment(Block(a), width_);
  }
  scaled.tail(raw_ - pairs_begin_) =
      pair_scale_ * raw.tail(raw_ - pairs_begin_);
  return scaled;
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

std::vector<float> RewardModel::SaveScales() const {
  std::vector<float> numbers = {noise_, task_, user_scale_, pair_scale_};
  const auto append = [&](const auto& values) {
    numbers.insert(numbers.end(), values.data(), values.data() + values.size());
  };
  append(common_scale_);
  append(personal_scale_);
  append(directions_);
  return numbers;
}

void RewardModel::LoadScales(absl::Span<const float> numbers) {
  noise_ = numbers[0];
  task_ = numbers[1];
  user_scale_ = numbers[2];
  pair_scale_ = numbers[3];
  const float* next = numbers.data() + 4;
  const auto take = [&](auto& values) {
    std::copy_n(next, values.size(), values.data());
    next += values.size();
  };
  take(common_scale_);
  take(personal_scale_);
  take(directions_);
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
