// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// RewardModel's empirical Bayes: what size effects have, from the data.

#include <algorithm>
#include <cmath>

#include "trainer/reward_model.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kDrawStream = 0x72657764;
constexpr float kSmallestNoise = 1e-3F;
// The tasks' luck is taken out anew when its size changed by this factor.
constexpr float kTaskTolerance = 1.3F;
// How far a scale may go in one step.
constexpr float kStep = 2.0F;

float Square(float x) { return x * x; }

// MacKay's fixed point, s^2 = sum of squared means / number of weights that the
// data determine, with the start as `strength` further weights.
float UpdatedScale(float scale, float start, float strength, double mean_square,
                   double variance, double count) {
  const double determined = std::clamp(count - variance, 0.02 * count, count);
  const double square =
      (Square(scale) * mean_square + strength * Square(start)) /
      (determined + strength);
  return std::clamp(static_cast<float>(std::sqrt(square)), scale / kStep,
                    scale * kStep);
}

}  // namespace

void RewardModel::UpdateScales() {
  const int draws = options_.draws;
  policy::Rng rng(static_cast<uint64_t>(samples_), kDrawStream);
  const Eigen::MatrixXf noise = posterior_.Spread(scaled_, draws, rng);
  const Eigen::VectorXf& solution = posterior_.mean();
  const auto variance = [&](int begin, int size) {
    return noise.middleRows(begin, size).squaredNorm() / draws;
  };
  const int kept = scaled_width_ - 1 - covariates_;
  Eigen::MatrixXf second = Eigen::MatrixXf::Zero(kept, kept);
  for (size_t k = 0; k < options_per_pattern_.size(); ++k) {
    double common_square = 0.0, common_variance = 0.0;
    double personal_square = 0.0, personal_variance = 0.0;
    const int n = options_per_pattern_[k];
    for (int a = offsets_[k]; a < offsets_[k] + n; ++a) {
      const int at = width_ + a * scaled_width_;
      common_square += Square(solution[at]);
      common_variance += variance(at, 1);
      const auto personal = solution.segment(at + 1, kept);
      personal_square += personal.squaredNorm();
      personal_variance += variance(at + 1, kept);
      second += personal * personal.transpose();
      const auto spread = noise.middleRows(at + 1, kept);
      second += spread * spread.transpose() / static_cast<float>(draws);
    }
    common_scale_[k] =
        UpdatedScale(common_scale_[k], options_.common, options_.scale_strength,
                     common_square, common_variance, n);
    personal_scale_[k] = UpdatedScale(
        personal_scale_[k], options_.personal, options_.scale_strength,
        personal_square, personal_variance, static_cast<double>(n) * kept);
  }
  const int pairs = raw_ - pairs_begin_;
  if (pairs > 0) {
    pair_scale_ =
        UpdatedScale(pair_scale_, options_.pair, options_.pair_strength,
                     solution.tail(pairs).squaredNorm(),
                     variance(scaled_ - pairs, pairs), pairs);
  }
  user_scale_ = UpdatedScale(
      user_scale_, options_.user, options_.scale_strength,
      solution.segment(1, dim_).squaredNorm(), variance(1, dim_), dim_);
  // Directions that were left out stay as they were believed to be.
  const Eigen::MatrixXf left_out = directions_ - root_ * root_.transpose();
  directions_ = root_ * second * root_.transpose() +
                static_cast<float>(total_) * left_out;
  directions_ += options_.direction_strength * FirstDirections();
  directions_ /= directions_.trace();
  UpdateNoise(scaled_ - variance(0, scaled_));
}

void RewardModel::UpdateNoise(double determined) {
  const Eigen::VectorXf weights = noise_ * ToRaw(posterior_.mean());
  double within = 0.0, between = 0.0, whitened = 0.0;
  int64_t freedom = 0, cases = 0;
  for (const Case& one : cases_) {
    const Eigen::VectorXf residuals = Residuals(one, weights);
    const auto n = static_cast<float>(residuals.size());
    const float task = Square(task_) / (1.0F + n * Square(task_));
    whitened += residuals.squaredNorm() - task * Square(residuals.sum());
    if (residuals.size() < 2) continue;
    const float mean = residuals.mean();
    const float spread = (residuals.array() - mean).square().sum();
    within += spread;
    freedom += residuals.size() - 1;
    between += n * Square(mean) - spread / (n - 1.0F);
    cases += residuals.size();
  }
  const double left = std::max(static_cast<double>(samples_) - determined,
                               0.1 * static_cast<double>(samples_));
  noise_ =
      std::max(kSmallestNoise, static_cast<float>(std::sqrt(whitened / left)));
  if (freedom == 0 || within <= 0.0) return;
  const double share = std::max(0.0, between / static_cast<double>(cases)) /
                       (within / static_cast<double>(freedom));
  const auto task = static_cast<float>(std::sqrt(share));
  constexpr float kFloor = 0.05F;
  if (std::max(task, kFloor) < kTaskTolerance * std::max(task_, kFloor) &&
      std::max(task_, kFloor) < kTaskTolerance * std::max(task, kFloor)) {
    return;
  }
  task_ = task;
}

float RewardModel::RewardDeviation() const {
  const double n = static_cast<double>(samples_);
  double squares = 0.0;
  for (const Case& one : cases_) {
    for (const float reward : one.rewards) {
      squares += std::pow(reward - reward_sum_ / n, 2);
    }
  }
  return std::max(0.05F, static_cast<float>(std::sqrt(squares / n)));
}

void RewardModel::Fit(int steps) {
  if (samples_ == 0) return;
  if (noise_ == 0.0F) {
    noise_ = RewardDeviation();
    directions_ = FirstDirections();
  }
  for (int i = 0; i < steps; ++i) {
    MakeFactors();
    Solve();
    UpdateScales();
  }
  MakeFactors();
  Solve();
  mean_ = Unpack(noise_ * ToRaw(posterior_.mean()));
}

}  // namespace attune::trainer
