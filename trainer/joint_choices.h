// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_JOINT_CHOICES_H_
#define ATTUNE_TRAINER_JOINT_CHOICES_H_

// The best joint choice when each option has a score and each pair of options
// adds something. Every choice is scored in one product: the patterns are cut in
// two halves, and with the options of each half as 0/1 rows L and R,
//   scores = L s 1' + 1 (R s)' + pairs within the halves + L P R'
//
// Immutable; safe to call from any thread.

#include <Eigen/Core>
#include <vector>

namespace attune::trainer {

class JointChoices {
 public:
  explicit JointChoices(std::vector<int> options_per_pattern);

  // Scores that come from pairs alone, [left, right]; `pair` [total, total]
  // symmetric. REQUIRES: Enumerable().
  Eigen::MatrixXf PairScores(const Eigen::MatrixXf& pair) const;
  // The choice with the largest sum of option scores [total] and pair scores.
  std::vector<int> Best(const Eigen::VectorXf& scores,
                        const Eigen::MatrixXf& pair_scores) const;
  // The same; where there are too many choices to enumerate, one that no change
  // of a single option improves.
  std::vector<int> BestWithPairs(const Eigen::VectorXf& scores,
                                 const Eigen::MatrixXf& pair) const;

  // Whether the joint choices are few enough to score them all.
  bool Enumerable() const { return enumerable_; }
  int total() const { return total_; }

 private:
  std::vector<int> Climb(const Eigen::VectorXf& scores,
                         const Eigen::MatrixXf& pair) const;

  std::vector<int> options_per_pattern_;
  std::vector<int> offsets_;
  int total_ = 0;
  bool enumerable_ = true;
  std::vector<std::vector<int>> left_choices_, right_choices_;
  Eigen::MatrixXf left_, right_;  // [choices of the half, total] 0 or 1
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_JOINT_CHOICES_H_
