// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/joint_choices.h"

#include <cstdint>
#include <utility>

namespace attune::trainer {
namespace {

constexpr int64_t kMostChoices = 1 << 18;

// Every choice of one option of each of these patterns.
std::vector<std::vector<int>> Enumerate(const std::vector<int>& patterns) {
  std::vector<std::vector<int>> choices = {{}};
  for (const int options : patterns) {
    std::vector<std::vector<int>> longer;
    for (const std::vector<int>& choice : choices) {
      for (int a = 0; a < options; ++a) {
        longer.push_back(choice);
        longer.back().push_back(a);
      }
    }
    choices = std::move(longer);
  }
  return choices;
}

}  // namespace

JointChoices::JointChoices(std::vector<int> options_per_pattern)
    : options_per_pattern_(std::move(options_per_pattern)) {
  int64_t product = 1;
  for (const int n : options_per_pattern_) {
    offsets_.push_back(total_);
    total_ += n;
    if (product <= kMostChoices) product *= n;
  }
  enumerable_ = product <= kMostChoices;
  if (!enumerable_) return;
  // The first patterns whose choices are at most the square root of all.
  size_t cut = 0;
  int64_t left = 1;
  while (cut < options_per_pattern_.size()) {
    left *= options_per_pattern_[cut];
    if (left * left > product && cut > 0) break;
    ++cut;
  }
  const auto begin = options_per_pattern_.begin();
  const auto middle = begin + static_cast<std::ptrdiff_t>(cut);
  left_choices_ = Enumerate({begin, middle});
  right_choices_ = Enumerate({middle, options_per_pattern_.end()});
  const auto rows = [&](const std::vector<std::vector<int>>& choices,
                        size_t first) {
    Eigen::MatrixXf incidence = Eigen::MatrixXf::Zero(
        static_cast<Eigen::Index>(choices.size()), total_);
    for (size_t i = 0; i < choices.size(); ++i) {
      for (size_t k = 0; k < choices[i].size(); ++k) {
        incidence(static_cast<Eigen::Index>(i),
                  offsets_[first + k] + choices[i][k]) = 1.0F;
      }
    }
    return incidence;
  };
  left_ = rows(left_choices_, 0);
  right_ = rows(right_choices_, cut);
}

Eigen::MatrixXf JointChoices::PairScores(const Eigen::MatrixXf& pair) const {
  const Eigen::MatrixXf lp = left_ * pair;
  const Eigen::VectorXf within_left =
      0.5F * lp.cwiseProduct(left_).rowwise().sum();
  const Eigen::VectorXf within_right =
      0.5F * (right_ * pair).cwiseProduct(right_).rowwise().sum();
  Eigen::MatrixXf scores = lp * right_.transpose();
  scores.colwise() += within_left;
  scores.rowwise() += within_right.transpose();
  return scores;
}

std::vector<int> JointChoices::Best(const Eigen::VectorXf& scores,
                                    const Eigen::MatrixXf& pair_scores) const {
  const Eigen::VectorXf left = left_ * scores;
  const Eigen::VectorXf right = right_ * scores;
  float best = 0.0F;
  Eigen::Index best_left = 0, best_right = 0;
  for (Eigen::Index j = 0; j < right.size(); ++j) {
    Eigen::Index i = 0;
    const float value = (pair_scores.col(j) + left).maxCoeff(&i) + right[j];
    if (j > 0 && value <= best) continue;
    best = value;
    best_left = i;
    best_right = j;
  }
  std::vector<int> choice = left_choices_[best_left];
  choice.insert(choice.end(), right_choices_[best_right].begin(),
                right_choices_[best_right].end());
  return choice;
}

std::vector<int> JointChoices::BestWithPairs(
    const Eigen::VectorXf& scores, const Eigen::MatrixXf& pair) const {
  return enumerable_ ? Best(scores, PairScores(pair)) : Climb(scores, pair);
}

std::vector<int> JointChoices::Climb(const Eigen::VectorXf& scores,
                                     const Eigen::MatrixXf& pair) const {
  const size_t patterns = options_per_pattern_.size();
  std::vector<int> choice(patterns);
  for (size_t k = 0; k < patterns; ++k) {
    scores.segment(offsets_[k], options_per_pattern_[k]).maxCoeff(&choice[k]);
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t k = 0; k < patterns; ++k) {
      Eigen::VectorXf values =
          scores.segment(offsets_[k], options_per_pattern_[k]);
      for (size_t l = 0; l < patterns; ++l) {
        if (l == k) continue;
        values += pair.col(offsets_[l] + choice[l])
                      .segment(offsets_[k], options_per_pattern_[k]);
      }
      int best = 0;
      if (values.maxCoeff(&best) <= values[choice[k]]) continue;
      choice[k] = best;
      changed = true;
    }
  }
  return choice;
}

}  // namespace attune::trainer
