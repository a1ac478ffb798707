// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/central_critic.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace attune::trainer {
namespace {

constexpr float kCommonGrid[] = {0.1F, 0.2F, 0.4F};
constexpr float kPersonalGrid[] = {0.02F, 0.1F, 0.2F, 0.4F};

float Square(float x) { return x * x; }

// Log marginal likelihood with the noise's scale maximised out, up to a
// constant.
double LogEvidence(const Eigen::LLT<Eigen::MatrixXf>& factor,
                   const Eigen::VectorXf& y, const Eigen::VectorXf& dual) {
  const double n = static_cast<double>(y.size());
  const double quadratic = static_cast<double>(y.dot(dual));
  double half_log_det = 0.0;
  for (Eigen::Index i = 0; i < y.size(); ++i) {
    half_log_det += std::log(static_cast<double>(factor.matrixLLT()(i, i)));
  }
  return -0.5 * n * std::log(quadratic / n) - half_log_det;
}

}  // namespace

CentralCritic::CentralCritic(std::vector<int> options_per_pattern, int dim)
    : options_per_pattern_(std::move(options_per_pattern)), dim_(dim) {
  for (const int n : options_per_pattern_) {
    offsets_.push_back(total_);
    total_ += n;
  }
  user_.setZero(dim_);
  common_.setZero(total_);
  personal_.setZero(total_, dim_);
  pair_.setZero(total_, total_);
}

Eigen::MatrixXf CentralCritic::Kernel(const CriticSamples& samples,
                                      const CriticPriors& priors) const {
  const Eigen::Index n = samples.x.rows();
  const Eigen::MatrixXf similar =
      samples.x * samples.x.transpose() / static_cast<float>(dim_);
  // Number of patterns in which two samples chose the same option.
  Eigen::MatrixXf same = Eigen::MatrixXf::Zero(n, n);
  for (Eigen::Index k = 0; k < samples.options.cols(); ++k) {
    for (Eigen::Index j = 0; j < n; ++j) {
      const int option = samples.options(j, k);
      same.col(j).array() +=
          (samples.options.col(k).array() == option).cast<float>();
    }
  }
  const auto s = same.array();
  return Square(priors.user) * similar.array() + Square(priors.common) * s +
         Square(priors.personal) * s * similar.array() +
         Square(priors.pair) * 0.5F * s * (s - 1.0F);
}

void CentralCritic::ChoosePriors(const CriticSamples& samples) {
  const Eigen::Index n = samples.rewards.size();
  const Eigen::VectorXf y = samples.rewards.array() - samples.rewards.mean();
  if (y.squaredNorm() == 0.0F) return;
  const Eigen::MatrixXf identity = Eigen::MatrixXf::Identity(n, n);
  double best = -std::numeric_limits<double>::infinity();
  CriticPriors candidate = priors_;
  for (const float common : kCommonGrid) {
    for (const float personal : kPersonalGrid) {
      candidate.common = common;
      candidate.personal = personal;
      const Eigen::LLT<Eigen::MatrixXf> factor(Kernel(samples, candidate) +
                                               identity);
      const double evidence = LogEvidence(factor, y, factor.solve(y));
      if (evidence <= best) continue;
      best = evidence;
      priors_ = candidate;
    }
  }
}

void CentralCritic::Fit(const CriticSamples& samples) {
  const Eigen::Index n = samples.rewards.size();
  mean_ = samples.rewards.mean();
  const Eigen::VectorXf y = samples.rewards.array() - mean_;
  if (y.squaredNorm() == 0.0F) return;
  const Eigen::LLT<Eigen::MatrixXf> factor(
      Kernel(samples, priors_) + Eigen::MatrixXf::Identity(n, n));
  const Eigen::VectorXf dual = factor.solve(y);
  noise_ = std::sqrt(std::max(0.0F, y.dot(dual)) / static_cast<float>(n));
  SetWeights(samples, dual);
}

void CentralCritic::SetWeights(const CriticSamples& samples,
                               const Eigen::VectorXf& dual) {
  const float d = static_cast<float>(dim_);
  user_ = Square(priors_.user) / d * samples.x.transpose() * dual;
  common_.setZero();
  personal_.setZero();
  pair_.setZero();
  const int patterns = static_cast<int>(offsets_.size());
  for (Eigen::Index i = 0; i < dual.size(); ++i) {
    for (int k = 0; k < patterns; ++k) {
      const int a = offsets_[k] + samples.options(i, k);
      common_[a] += dual[i];
      personal_.row(a) += dual[i] * samples.x.row(i);
      for (int l = 0; l < patterns; ++l) {
        if (l == k) continue;
        pair_(a, offsets_[l] + samples.options(i, l)) += dual[i];
      }
    }
  }
  common_ *= Square(priors_.common);
  personal_ *= Square(priors_.personal) / d;
  pair_ *= Square(priors_.pair);
}

Eigen::VectorXf CentralCritic::Save() const {
  Eigen::VectorXf numbers(6 + dim_ + total_ + personal_.size() + pair_.size());
  numbers << mean_, noise_, priors_.user, priors_.common, priors_.personal,
      priors_.pair, user_, common_, personal_.reshaped<Eigen::RowMajor>(),
      pair_.reshaped();
  return numbers;
}

void CentralCritic::Load(const Eigen::VectorXf& numbers) {
  mean_ = numbers[0];
  noise_ = numbers[1];
  priors_ = {numbers[2], numbers[3], numbers[4], numbers[5]};
  const float* next = numbers.data() + 6;
  const auto take = [&next](auto& weights) {
    std::copy_n(next, weights.size(), weights.data());
    next += weights.size();
  };
  take(user_);
  take(common_);
  take(personal_);
  take(pair_);
}

float CentralCritic::Value(const Eigen::VectorXf& x,
                           const Eigen::VectorXi& options) const {
  float value = mean_ + user_.dot(x);
  const int patterns = static_cast<int>(offsets_.size());
  for (int k = 0; k < patterns; ++k) {
    const int a = offsets_[k] + options[k];
    value += common_[a] + personal_.row(a).dot(x);
    for (int l = k + 1; l < patterns; ++l) {
      value += pair_(a, offsets_[l] + options[l]);
    }
  }
  return value;
}

Eigen::VectorXf CentralCritic::Counterfactual(
    int k, const Eigen::VectorXf& x, const Eigen::VectorXi& options) const {
  const int n = options_per_pattern_[k];
  Eigen::VectorXf values = common_.segment(offsets_[k], n);
  values.noalias() += personal_.middleRows(offsets_[k], n) * x;
  for (int l = 0; l < static_cast<int>(offsets_.size()); ++l) {
    if (l == k) continue;
    values += pair_.col(offsets_[l] + options[l]).segment(offsets_[k], n);
  }
  return values;
}

}  // namespace attune::trainer
