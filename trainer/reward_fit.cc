// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// RewardModel's fit: the cases as the scaled weights see them, one by one or
// summed up.

#include <algorithm>
#include <cmath>
#include <utility>

#include "trainer/blas.h"
#include "trainer/reward_model.h"

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

void RewardModel::Accumulate() {
  if (gram_.size() == 0 || accumulated_task_ != task_) {
    gram_.setZero(raw_, raw_);
    moment_.setZero(raw_);
    moment_one_.setZero(raw_);
    accumulated_ = 0;
    accumulated_task_ = task_;
  }
  while (accumulated_ < cases_.size()) Accumulate(cases_[accumulated_++]);
}

Eigen::MatrixXf RewardModel::ScaledGram() const {
  const int pairs = raw_ - pairs_begin_;
  Eigen::MatrixXf half(raw_, scaled_);
  half.leftCols(width_) = gram_.leftCols(width_) * user_factor_.asDiagonal();
  for (int a = 0; a < total_; ++a) {
    Multiply(gram_.middleCols(Block(a), width_), factors_[pattern_of_[a]],
             half.middleCols(width_ + a * scaled_width_, scaled_width_));
  }
  half.rightCols(pairs) = pair_scale_ * gram_.rightCols(pairs);
  Eigen::MatrixXf whole(scaled_, scaled_);
  whole.topRows(width_) = user_factor_.asDiagonal() * half.topRows(width_);
  for (int a = 0; a < total_; ++a) {
    MultiplyTransposed(
        factors_[pattern_of_[a]], half.middleRows(Block(a), width_),
        whole.middleRows(width_ + a * scaled_width_, scaled_width_));
  }
  whole.bottomRows(pairs) = pair_scale_ * half.bottomRows(pairs);
  return whole;
}

void RewardModel::MakeRows(Eigen::MatrixXf& columns,
                           Eigen::VectorXf& targets) const {
  columns.setZero(scaled_, samples_);
  targets.resize(samples_);
  Eigen::Index begin = 0;
  std::vector<Eigen::VectorXf> seen(factors_.size());
  for (const Case& one : cases_) {
    const auto n = static_cast<Eigen::Index>(one.choices.size());
    const Eigen::VectorXf x = Input(one.state, one.covariates);
    for (size_t k = 0; k < seen.size(); ++k) {
      seen[k] = factors_[k].transpose() * x;
    }
    for (Eigen::Index i = 0; i < n; ++i) {
      const std::vector<int>& choice = one.choices[i];
      auto column = columns.col(begin + i);
      column.head(width_) = user_factor_.cwiseProduct(x);
      for (size_t k = 0; k < choice.size(); ++k) {
        const int a = offsets_[k] + choice[k];
        column.segment(width_ + a * scaled_width_, scaled_width_) = seen[k];
        for (size_t l = k + 1; l < choice.size(); ++l) {
          const int pair = pair_index_(a, offsets_[l] + choice[l]);
          column[scaled_ - raw_ + pair] = pair_scale_;
        }
      }
      targets[begin + i] = (one.rewards[i] - center_) / noise_;
    }
    // (I - u 1 1')^2 = I - weight 1 1'
    const float weight = TaskWeight(task_, one.choices.size());
    const auto size = static_cast<float>(n);
    const float u = (1.0F - std::sqrt(1.0F - size * weight)) / size;
    auto block = columns.middleCols(begin, n);
    const Eigen::VectorXf sum = block.rowwise().sum();
    block.colwise() -= u * sum;
    auto part = targets.segment(begin, n);
    part.array() -= u * part.sum();
    begin += n;
  }
}

void RewardModel::Solve() {
  center_ = static_cast<float>(reward_sum_ / static_cast<double>(samples_));
  // Where the two take about as long.
  if (2 * samples_ < scaled_) {
    Eigen::MatrixXf columns;
    Eigen::VectorXf targets;
    MakeRows(columns, targets);
    posterior_.FitRows(std::move(columns), targets);
    return;
  }
  Accumulate();
  posterior_.FitSums(ScaledGram(),
                     ToScaled((moment_ - center_ * moment_one_) / noise_));
}

}  // namespace attune::trainer
