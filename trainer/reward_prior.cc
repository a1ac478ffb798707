// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// RewardModel's prior: what is believed before any reward, and the linear maps
// between weights of unit prior, in which the fit is made, and raw ones.

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "trainer/reward_model.h"

namespace attune::trainer {
namespace {

// Prior deviation of the mean reward, relative to the noise's.
constexpr float kMeanScale = 10.0F;

}  // namespace

float RewardModel::FirstPersonalScale() const {
  return options_.personal * std::sqrt(options_.embedding_share);
}

Eigen::MatrixXf RewardModel::FirstDirections() const {
  const int size = layout_.embedding;
  Eigen::MatrixXf first = Eigen::MatrixXf::Zero(size, size);
  if (size == 0) return first;
  first.diagonal().setConstant(1.0F / static_cast<float>(size));
  const float trace = embedding_square_.trace();
  return trace > 0.0F ? 0.5F * (first + embedding_square_ / trace) : first;
}

Eigen::VectorXf RewardModel::FirstColumnScales() const {
  Eigen::VectorXf share = Eigen::VectorXf::Zero(others_);
  float rest = 1.0F;
  if (layout_.embedding > 0) rest -= options_.embedding_share;
  if (layout_.length >= 0) {
    rest -= options_.length_share;
    share[layout_.length - layout_.embedding] += options_.length_share;
  }
  const auto trust = static_cast<float>(layout_.trust.size());
  for (const int column : layout_.trust) {
    rest -= options_.trust_share / trust;
    share[column - layout_.embedding] += options_.trust_share / trust;
  }
  if (others_ > 0) share.array() += rest / static_cast<float>(others_);
  return options_.personal * share.cwiseSqrt();
}

Eigen::MatrixXf RewardModel::LeadingRoot() const {
  const int size = layout_.embedding;
  if (size == 0) return Eigen::MatrixXf(0, 0);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXf> eigen(directions_);
  const Eigen::VectorXf values = eigen.eigenvalues().cwiseMax(0.0F);
  float held = 0.0F;
  int kept = 0;
  while (kept < size && held < options_.kept * values.sum()) {
    held += values[size - 1 - kept++];
  }
  return eigen.eigenvectors().rightCols(kept) *
         values.tail(kept).cwiseSqrt().asDiagonal();
}

void RewardModel::MakeFactors() {
  root_ = LeadingRoot();
  const int embedding = layout_.embedding;
  const auto kept = static_cast<int>(root_.cols());
  scaled_width_ = 1 + kept + others_ + covariates_;
  scaled_ = width_ + total_ * scaled_width_ + (raw_ - pairs_begin_);
  factors_.clear();
  for (size_t k = 0; k < options_per_pattern_.size(); ++k) {
    Eigen::MatrixXf& factor =
        factors_.emplace_back(Eigen::MatrixXf::Zero(width_, scaled_width_));
    factor(0, 0) = common_scale_[k];
    factor.block(1, 1, embedding, kept) = personal_scale_[k] * root_;
    factor.block(1 + embedding, 1 + kept, others_, others_).diagonal() =
        column_scale_.row(k);
    factor.bottomRightCorner(covariates_, covariates_)
        .diagonal()
        .setConstant(options_.covariate);
  }
  user_factor_.resize(width_);
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

}  // namespace attune::trainer
