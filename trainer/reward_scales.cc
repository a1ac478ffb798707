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

// What the posterior of some weights of unit prior says of their scale.
struct Evidence {
  double mean_square = 0.0;  // sum of squared posterior means
  double variance = 0.0;     // sum of posterior variances
  int count = 0;
};

// MacKay's fixed point, s^2 = sum of squared means / number of weights that the
// data determine, with the start as `strength` further weights.
void UpdateScale(const Evidence& evidence, float start, float strength,
                 float& scale) {
  const double count = evidence.count;
  const double determined =
      std::clamp(count - evidence.variance, 0.02 * count, count);
  const double square =
      (Square(scale) * evidence.mean_square + strength * Square(start)) /
      (determined + strength);
  scale = std::clamp(static_cast<float>(std::sqrt(square)), scale / kStep,
                     scale * kStep);
}

}  // namespace

void RewardModel::UpdateScales() {
  policy::Rng rng(static_cast<uint64_t>(samples_), kDrawStream);
  const Eigen::MatrixXf spread =
      posterior_.Spread(scaled_, options_.draws, rng);
  const Eigen::VectorXf squares = posterior_.mean().cwiseAbs2();
  const Eigen::VectorXf variances =
      spread.rowwise().squaredNorm() / static_cast<float>(options_.draws);
  const auto evidence = [&](int begin, int size) {
    return Evidence{squares.segment(begin, size).sum(),
                    variances.segment(begin, size).sum(), size};
  };
  // Of the weights [from, from + size) of all options of a pattern.
  const auto of_options = [&](size_t k, int from, int size) {
    Evidence sum;
    for (int a = 0; a < options_per_pattern_[k]; ++a) {
      const Evidence one =
          evidence(width_ + (offsets_[k] + a) * scaled_width_ + from, size);
      sum.mean_square += one.mean_square;
      sum.variance += one.variance;
      sum.count += size;
    }
    return sum;
  };
  const int kept = static_cast<int>(root_.cols());
  const float strength = options_.scale_strength;
  const Eigen::VectorXf first_columns = FirstColumnScales();
  for (size_t k = 0; k < options_per_pattern_.size(); ++k) {
    UpdateScale(of_options(k, 0, 1), options_.common, strength,
                common_scale_[k]);
    UpdateScale(of_options(k, 1, kept), FirstPersonalScale(), strength,
                personal_scale_[k]);
    // A column starts from what the pattern's columns have come to on average,
    // so that many that do nothing speak for the others.
    const float level = std::exp(
        (column_scale_.row(k).transpose().array() / first_columns.array())
            .log()
            .sum() /
        (static_cast<float>(others_) + strength));
    for (int j = 0; j < others_; ++j) {
      UpdateScale(of_options(k, 1 + kept + j, 1), level * first_columns[j],
                  strength, column_scale_(k, j));
    }
  }
  UpdateDirections(spread);
  const int pairs = raw_ - pairs_begin_;
  if (pairs > 0) {
    UpdateScale(evidence(scaled_ - pairs, pairs), options_.pair,
                options_.pair_strength, pair_scale_);
  }
  UpdateScale(evidence(1, dim_), options_.user, strength, user_scale_);
  UpdateNoise(scaled_ - variances.sum());
}

void RewardModel::UpdateDirections(const Eigen::MatrixXf& spread) {
  const Eigen::Index kept = root_.cols();
  if (kept == 0) return;
  Eigen::MatrixXf second = Eigen::MatrixXf::Zero(kept, kept);
  for (int a = 0; a < total_; ++a) {
    const int at = width_ + a * scaled_width_ + 1;
    const auto mean = posterior_.mean().segment(at, kept);
    const auto around = spread.middleRows(at, kept);
    second += mean * mean.transpose() +
              around * around.transpose() / static_cast<float>(spread.cols());
  }
  // Directions that were left out stay as they were believed to be.
  const Eigen::MatrixXf left_out = directions_ - root_ * root_.transpose();
  directions_ = root_ * second * root_.transpose() +
                static_cast<float>(total_) * left_out +
                options_.direction_strength * FirstDirections();
  directions_ /= directions_.trace();
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

std::vector<float> RewardModel::SaveScales() const {
  std::vector<float> numbers = {noise_, task_, user_scale_, pair_scale_};
  const auto append = [&](const auto& values) {
    numbers.insert(numbers.end(), values.data(), values.data() + values.size());
  };
  append(common_scale_);
  append(personal_scale_);
  append(column_scale_);
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
  take(column_scale_);
  take(directions_);
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
