// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/reward_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "trainer/normal.h"

namespace attune::trainer {
namespace {

float Square(float x) { return x * x; }

// Variance of the mean of a case's n choices that is the task's, so that
//   I - weight 1 1' = (I + task^2 1 1')^-1
float TaskWeight(float task, size_t n) {
  return Square(task) / (1.0F + static_cast<float>(n) * Square(task));
}

// Ids in ascending order, each once.
std::vector<int> Distinct(std::vector<int> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// [ids.size()] [choices] 1 where a choice has the id.
Eigen::MatrixXf Incidence(const std::vector<int>& ids,
                          const std::vector<std::vector<int>>& chosen) {
  Eigen::MatrixXf incidence =
      Eigen::MatrixXf::Zero(static_cast<Eigen::Index>(ids.size()),
                            static_cast<Eigen::Index>(chosen.size()));
  for (size_t i = 0; i < chosen.size(); ++i) {
    for (const int id : chosen[i]) {
      const auto at = std::lower_bound(ids.begin(), ids.end(), id);
      incidence(at - ids.begin(), static_cast<Eigen::Index>(i)) = 1.0F;
    }
  }
  return incidence;
}

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
  gram_.setZero(raw_, raw_);
  moment_.setZero(raw_);
  moment_one_.setZero(raw_);
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
  Accumulate(one);
}

void RewardModel::Accumulate(const Case& one) {
  // Blocks: 0 the user's, 1 + option; pairs by their place in the weights.
  const size_t n = one.choices.size();
  std::vector<std::vector<int>> blocks(n), pairs(n);
  std::vector<int> all_blocks, all_pairs;
  for (size_t i = 0; i < n; ++i) {
    blocks[i].push_back(0);
    for (size_t k = 0; k < one.choices[i].size(); ++k) {
      const int a = offsets_[k] + one.choices[i][k];
      blocks[i].push_back(1 + a);
      for (size_t l = k + 1; l < one.choices[i].size(); ++l) {
        pairs[i].push_back(pair_index_(a, offsets_[l] + one.choices[i][l]));
      }
    }
    all_blocks.insert(all_blocks.end(), blocks[i].begin(), blocks[i].end());
    all_pairs.insert(all_pairs.end(), pairs[i].begin(), pairs[i].end());
  }
  all_blocks = Distinct(std::move(all_blocks));
  all_pairs = Distinct(std::move(all_pairs));
  const Eigen::MatrixXf hb = Incidence(all_blocks, blocks);
  const Eigen::MatrixXf hp = Incidence(all_pairs, pairs);
  const auto size = static_cast<Eigen::Index>(n);
  const Eigen::MatrixXf precision =
      Eigen::MatrixXf::Identity(size, size) -
      TaskWeight(task_, n) * Eigen::MatrixXf::Ones(size, size);
  const Eigen::MatrixXf pb = hb * precision;
  const Eigen::MatrixXf bb = pb * hb.transpose();
  const Eigen::MatrixXf bp = pb * hp.transpose();
  const Eigen::MatrixXf pp = hp * precision * hp.transpose();
  const Eigen::Map<const Eigen::VectorXf> y(one.rewards.data(), size);
  const Eigen::VectorXf x = Input(one.state, one.covariates);
  const Eigen::MatrixXf xx = x * x.transpose();
  for (size_t i = 0; i < all_blocks.size(); ++i) {
    const int at = all_blocks[i] * width_;
    for (size_t j = 0; j < all_blocks.size(); ++j) {
      gram_.block(at, all_blocks[j] * width_, width_, width_) += bb(i, j) * xx;
    }
    for (size_t j = 0; j < all_pairs.size(); ++j) {
      gram_.col(all_pairs[j]).segment(at, width_) += bp(i, j) * x;
      gram_.row(all_pairs[j]).segment(at, width_) += bp(i, j) * x;
    }
    moment_.segment(at, width_) += pb.row(i).dot(y) * x;
    moment_one_.segment(at, width_) += pb.row(i).sum() * x;
  }
  const Eigen::MatrixXf hpp = hp * precision;
  for (size_t i = 0; i < all_pairs.size(); ++i) {
    for (size_t j = 0; j < all_pairs.size(); ++j) {
      gram_(all_pairs[i], all_pairs[j]) += pp(i, j);
    }
    moment_[all_pairs[i]] += hpp.row(i).dot(y);
    moment_one_[all_pairs[i]] += hpp.row(i).sum();
  }
}

void RewardModel::Rebuild() {
  gram_.setZero();
  moment_.setZero();
  moment_one_.setZero();
  for (const Case& one : cases_) Accumulate(one);
}

void RewardModel::Solve() {
  Eigen::MatrixXf precision = ScaledGram();
  precision.diagonal().array() += 1.0F;
  factor_.compute(precision);
  center_ = static_cast<float>(reward_sum_ / static_cast<double>(samples_));
  solution_ =
      factor_.solve(ToScaled((moment_ - center_ * moment_one_) / noise_));
}

Eigen::MatrixXf RewardModel::Spread(int count, policy::Rng& rng) const {
  Eigen::MatrixXf spread(scaled_, count);
  for (float& x : spread.reshaped()) x = static_cast<float>(Normal(rng));
  if (solution_.size() > 0) factor_.matrixU().solveInPlace(spread);
  return spread;
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
  Eigen::MatrixXf draws = Spread(count, rng);
  if (solution_.size() > 0) draws.colwise() += solution_;
  const float unit = solution_.size() > 0 ? noise_ : 1.0F;
  std::vector<RewardWeights> weights;
  for (int i = 0; i < count; ++i) {
    weights.push_back(Unpack(unit * ToRaw(draws.col(i))));
  }
  return weights;
}

double RewardModel::Variance(absl::Span<const Term> terms) const {
  if (solution_.size() == 0) return 0.0;
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
  Eigen::VectorXf scaled = ToScaled(raw);
  factor_.matrixL().solveInPlace(scaled);
  return Square(noise_) * static_cast<double>(scaled.squaredNorm());
}

}  // namespace attune::trainer
