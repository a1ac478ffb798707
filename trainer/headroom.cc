// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/headroom.h"

#include <vector>

namespace attune::trainer {
namespace {

// Smaller differences of means are rounding.
constexpr double kTie = 1e-12;

int BestOf(const Eigen::RowVectorXd& sums, int fixed) {
  int best = fixed;
  for (int choice = 0; choice < sums.size(); ++choice) {
    if (sums[choice] > sums[best] + kTie) best = choice;
  }
  return best;
}

}  // namespace

int BestChoice(const UserRewards& rewards, int fixed) {
  return BestOf(rewards.colwise().mean(), fixed);
}

double NaiveGain(const UserRewards& rewards, int fixed) {
  const Eigen::RowVectorXd means = rewards.colwise().mean();
  return means[BestOf(means, fixed)] - means[fixed];
}

double CrossFittedGain(const UserRewards& rewards, int fixed) {
  const Eigen::RowVectorXd sums = rewards.colwise().sum();
  double gain = 0.0;
  for (Eigen::Index target = 0; target < rewards.rows(); ++target) {
    const int best = BestOf(sums - rewards.row(target), fixed);
    gain += rewards(target, best) - rewards(target, fixed);
  }
  return gain / static_cast<double>(rewards.rows());
}

UserRewards CompleteTargets(const UserRewards& rewards) {
  UserRewards complete(rewards.rows(), rewards.cols());
  Eigen::Index rows = 0;
  for (Eigen::Index target = 0; target < rewards.rows(); ++target) {
    if (!rewards.row(target).array().isNaN().any()) {
      complete.row(rows++) = rewards.row(target);
    }
  }
  return complete.topRows(rows);
}

Headroom MeasureHeadroom(absl::Span<const UserRewards> users, int fixed,
                         uint64_t seed) {
  std::vector<double> cross_fitted;
  std::vector<double> naive;
  double targets = 0.0;
  for (const UserRewards& user : users) {
    const UserRewards rewards = CompleteTargets(user);
    if (rewards.rows() < 2) continue;
    cross_fitted.push_back(CrossFittedGain(rewards, fixed));
    naive.push_back(NaiveGain(rewards, fixed));
    targets += static_cast<double>(rewards.rows());
  }
  Headroom headroom{.cross_fitted = BootstrapMean(cross_fitted, seed),
                    .naive = BootstrapMean(naive, seed),
                    .users = static_cast<int>(naive.size())};
  if (headroom.users > 0) headroom.targets_per_user = targets / headroom.users;
  return headroom;
}

}  // namespace attune::trainer
