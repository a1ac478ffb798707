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

// Where priors start and how far they may go.
constexpr float kCommonStart = 0.2F;
constexpr float kPersonalStart = 0.2F;
constexpr float kSmallest = 0.0125F;
constexpr float kLargest = 1.6F;
// Deviation of a prior's logarithm from its start, before any sample.
constexpr double kLogDeviation = 2.0;

float Square(float x) { return x * x; }

// What the kernel is made of: how alike the samples' states are, and in which
// patterns they chose the same option.
struct Likeness {
  Eigen::MatrixXf states;             // [N, N]
  std::vector<Eigen::MatrixXf> same;  // [K] of [N, N], 0 or 1
  Eigen::MatrixXf pairs;              // [N, N] pairs of equal options
  Eigen::MatrixXf ease;               // [N, N]

  explicit Likeness(const CriticSamples& samples)
      : states(samples.x * samples.x.transpose() /
               static_cast<float>(samples.x.cols())),
        ease(samples.ease * samples.ease.transpose()) {
    const Eigen::Index n = samples.x.rows();
    Eigen::MatrixXf total = Eigen::MatrixXf::Zero(n, n);
    for (Eigen::Index k = 0; k < samples.options.cols(); ++k) {
      Eigen::MatrixXf& equal = same.emplace_back(n, n);
      for (Eigen::Index j = 0; j < n; ++j) {
        const int option = samples.options(j, k);
        equal.col(j) = (samples.options.col(k).array() == option).cast<float>();
      }
      total += equal;
    }
    pairs = 0.5F * total.array() * (total.array() - 1.0F);
  }

  // Covariance of the samples relative to the noise's variance, noise included.
  Eigen::MatrixXf Covariance(const CriticPriors& priors) const {
    Eigen::MatrixXf sum = Square(priors.user) * states +
                          Square(priors.pair) * pairs +
                          Square(priors.ease) * ease;
    for (size_t k = 0; k < same.size(); ++k) {
      sum.array() +=
          same[k].array() * (Square(priors.common[k]) +
                             Square(priors.personal[k]) * states.array() +
                             Square(priors.option_ease) * ease.array());
    }
    sum.diagonal().array() += 1.0F;
    return sum;
  }
};

// Log marginal likelihood with the noise's scale maximised out, up to a
// constant.
double LogEvidence(const Eigen::MatrixXf& covariance,
                   const Eigen::VectorXf& y) {
  const Eigen::LLT<Eigen::MatrixXf> factor(covariance);
  const double n = static_cast<double>(y.size());
  const double quadratic = static_cast<double>(y.dot(factor.solve(y)));
  double half_log_det = 0.0;
  for (Eigen::Index i = 0; i < y.size(); ++i) {
    half_log_det += std::log(static_cast<double>(factor.matrixLLT()(i, i)));
  }
  return -0.5 * n * std::log(quadratic / n) - half_log_det;
}

// What is believed of the priors themselves: log-normal around their starts.
double LogPrior(const CriticPriors& priors) {
  const auto one = [](const Eigen::VectorXf& values, float start) {
    return (values.array() / start).log().square().sum();
  };
  return -0.5 / (kLogDeviation * kLogDeviation) *
         static_cast<double>(one(priors.common, kCommonStart) +
                             one(priors.personal, kPersonalStart));
}

}  // namespace

CentralCritic::CentralCritic(std::vector<int> options_per_pattern, int dim)
    : options_per_pattern_(std::move(options_per_pattern)), dim_(dim) {
  for (const int n : options_per_pattern_) {
    offsets_.push_back(total_);
    total_ += n;
  }
  user_.setZero(dim_);
  option_ease_.setZero(total_);
  common_.setZero(total_);
  personal_.setZero(total_, dim_);
  pair_.setZero(total_, total_);
  const auto patterns = static_cast<Eigen::Index>(offsets_.size());
  priors_.common.setConstant(patterns, kCommonStart);
  priors_.personal.setConstant(patterns, kPersonalStart);
}

void CentralCritic::ChoosePriors(const CriticSamples& samples) {
  const Eigen::VectorXf y = samples.rewards.array() - samples.rewards.mean();
  if (y.squaredNorm() == 0.0F) return;
  const Likeness likeness(samples);
  const auto score = [&](const CriticPriors& priors) {
    return LogEvidence(likeness.Covariance(priors), y) + LogPrior(priors);
  };
  double best = score(priors_);
  // Takes the step if it is an improvement.
  const auto accept = [&](const CriticPriors& candidate) {
    const double value = score(candidate);
    if (value <= best) return false;
    best = value;
    priors_ = candidate;
    return true;
  };
  for (Eigen::VectorXf CriticPriors::*kind :
       {&CriticPriors::common, &CriticPriors::personal}) {
    for (Eigen::Index k = 0; k < (priors_.*kind).size(); ++k) {
      for (const float factor : {2.0F, 0.5F}) {
        CriticPriors candidate = priors_;
        float& value = (candidate.*kind)[k];
        value = std::clamp(value * factor, kSmallest, kLargest);
        if (value != (priors_.*kind)[k] && accept(candidate)) break;
      }
    }
  }
}

void CentralCritic::Fit(const CriticSamples& samples) {
  const Eigen::Index n = samples.rewards.size();
  mean_ = samples.rewards.mean();
  const Eigen::VectorXf y = samples.rewards.array() - mean_;
  if (y.squaredNorm() == 0.0F) return;
  const Eigen::VectorXf dual =
      Likeness(samples).Covariance(priors_).llt().solve(y);
  noise_ = std::sqrt(std::max(0.0F, y.dot(dual)) / static_cast<float>(n));
  SetWeights(samples, dual);
}

void CentralCritic::SetWeights(const CriticSamples& samples,
                               const Eigen::VectorXf& dual) {
  const float d = static_cast<float>(dim_);
  user_ = Square(priors_.user) / d * samples.x.transpose() * dual;
  ease_ = Square(priors_.ease) * samples.ease.dot(dual);
  option_ease_.setZero();
  common_.setZero();
  personal_.setZero();
  pair_.setZero();
  const int patterns = static_cast<int>(offsets_.size());
  for (Eigen::Index i = 0; i < dual.size(); ++i) {
    for (int k = 0; k < patterns; ++k) {
      const int a = offsets_[k] + samples.options(i, k);
      common_[a] += dual[i];
      option_ease_[a] += dual[i] * samples.ease[i];
      personal_.row(a) += dual[i] * samples.x.row(i);
      for (int l = 0; l < patterns; ++l) {
        if (l == k) continue;
        pair_(a, offsets_[l] + samples.options(i, l)) += dual[i];
      }
    }
  }
  for (int k = 0; k < patterns; ++k) {
    const int n = options_per_pattern_[k];
    common_.segment(offsets_[k], n) *= Square(priors_.common[k]);
    personal_.middleRows(offsets_[k], n) *= Square(priors_.personal[k]) / d;
  }
  option_ease_ *= Square(priors_.option_ease);
  pair_ *= Square(priors_.pair);
}

Eigen::VectorXf CentralCritic::Save() const {
  Eigen::VectorXf numbers(5 + 2 * priors_.common.size() + dim_ + 2 * total_ +
                          personal_.size() + pair_.size());
  numbers << mean_, noise_, priors_.user, priors_.pair, ease_, priors_.common,
      priors_.personal, user_, common_, option_ease_,
      personal_.reshaped<Eigen::RowMajor>(), pair_.reshaped();
  return numbers;
}

void CentralCritic::Load(const Eigen::VectorXf& numbers) {
  mean_ = numbers[0];
  noise_ = numbers[1];
  priors_.user = numbers[2];
  priors_.pair = numbers[3];
  ease_ = numbers[4];
  const float* next = numbers.data() + 5;
  const auto take = [&next](auto& weights) {
    std::copy_n(next, weights.size(), weights.data());
    next += weights.size();
  };
  take(priors_.common);
  take(priors_.personal);
  take(user_);
  take(common_);
  take(option_ease_);
  take(personal_);
  take(pair_);
}

float CentralCritic::Value(const Eigen::VectorXf& x,
                           const Eigen::VectorXi& options, float z) const {
  float value = mean_ + user_.dot(x) + ease_ * z;
  const int patterns = static_cast<int>(offsets_.size());
  for (int k = 0; k < patterns; ++k) {
    const int a = offsets_[k] + options[k];
    value += common_[a] + personal_.row(a).dot(x) + option_ease_[a] * z;
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
