// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_score.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "policy/status_macros.h"
#include "trainer/chooser.h"

namespace attune::trainer {
namespace {

// Value of every joint choice for every user, choice after choice: the additive
// part of a choice is a sum of columns, its pairwise part one number.
class Enumeration {
 public:
  Enumeration(const SimWorld& world, absl::Span<const int> users)
      : world_(world) {
    Eigen::MatrixXd latents(users.size(), SimUsers::kLatents);
    for (size_t i = 0; i < users.size(); ++i) {
      latents.row(static_cast<Eigen::Index>(i)) =
          world.users().latents().row(users[i]).cast<double>();
    }
    for (const std::vector<OptionEffects>& pattern : world.effects()) {
      std::vector<Eigen::ArrayXd>& columns = columns_.emplace_back();
      for (const OptionEffects& option : pattern) {
        columns.push_back((latents * option.personal).array() + option.main);
      }
    }
    base_ = Eigen::ArrayXd::Constant(static_cast<Eigen::Index>(users.size()),
                                     world.base());
  }

  // Calls visit(choice, qualities of the users).
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    std::vector<int> choice(columns_.size(), 0);
    Descend(0, base_, Eigen::Vector4d::Zero(), choice, visit);
  }

 private:
  template <typename Visit>
  void Descend(size_t k, const Eigen::ArrayXd& sum,
               const Eigen::Vector4d& earlier, std::vector<int>& choice,
               const Visit& visit) const {
    if (k == columns_.size()) {
      visit(choice, sum);
      return;
    }
    for (size_t a = 0; a < columns_[k].size(); ++a) {
      choice[k] = static_cast<int>(a);
      const Eigen::Vector4d& pair = world_.effects()[k][a].pair;
      Descend(k + 1, sum + columns_[k][a] + pair.dot(earlier), earlier + pair,
              choice, visit);
    }
  }

  const SimWorld& world_;
  std::vector<std::vector<Eigen::ArrayXd>> columns_;
  Eigen::ArrayXd base_;
};

double FailedShare(const SimWorld& world, const std::vector<int>& choice,
                   policy::Readout readout) {
  if (readout != policy::Readout::kGenerate) return 0.0;
  double failed = 0.0;
  for (size_t k = 0; k < choice.size(); ++k) {
    failed += world.effects()[k][choice[k]].failed;
  }
  return failed;
}

// Every user with every other user's choice; equal choices are valued once.
double ShuffledValue(const SimWorld& world, const SimScore& score,
                     policy::Readout readout) {
  std::vector<std::vector<int>> sorted = score.choices;
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(score.users.size());
  double sum = 0.0;
  for (size_t i = 0; i < sorted.size();) {
    size_t end = i;
    while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
    double value = 0.0;
    for (const int user : score.users) {
      value += world.ExpectedReward(user, sorted[i], readout);
    }
    sum += static_cast<double>(end - i) * value;
    i = end;
  }
  return n < 2.0 ? sum : (sum - n * score.policy) / (n * (n - 1.0));
}

}  // namespace

SimBounds BoundsOf(const SimWorld& world, absl::Span<const int> users,
                   policy::Readout readout) {
  SimBounds bounds;
  Eigen::ArrayXd best =
      Eigen::ArrayXd::Zero(static_cast<Eigen::Index>(users.size()));
  int64_t choices = 0;
  Enumeration(world, users)
      .ForEach([&](const std::vector<int>& choice,
                   const Eigen::ArrayXd& qualities) {
        const double failed = FailedShare(world, choice, readout);
        const double lost = failed * world.reward().Chance();
        const Eigen::ArrayXd values = qualities.unaryExpr([&](double quality) {
          return (1.0 - failed) * world.reward().Expected(quality) + lost;
        });
        best = best.max(values);
        const double mean = values.mean();
        bounds.uniform += mean;
        ++choices;
        if (mean > bounds.best_fixed) {
          bounds.best_fixed = mean;
          bounds.best_fixed_choice = choice;
        }
      });
  bounds.uniform /= static_cast<double>(choices);
  bounds.optimum = best.mean();
  return bounds;
}

double ValueOf(const SimWorld& world, absl::Span<const int> users,
               absl::Span<const std::vector<int>> choices,
               policy::Readout readout) {
  double sum = 0.0;
  for (size_t i = 0; i < users.size(); ++i) {
    sum += world.ExpectedReward(users[i], choices[i], readout);
  }
  return sum / static_cast<double>(users.size());
}

absl::StatusOr<SimScore> ScoreOnSim(const SimWorld& world,
                                    const policy::Policy& policy) {
  SimScore score{.users = world.HeldOutUsers()};
  score.bounds = BoundsOf(world, score.users, policy.readout());
  for (const int user : score.users) {
    const Task task = world.MakeTask(user, /*draw=*/0, user);
    policy::Request request = RequestOf(task, /*seed=*/1);
    request.mode = policy::DecisionMode::kGreedy;
    ATTUNE_ASSIGN_OR_RETURN(const policy::Decision decision,
                            policy.Decide(request));
    std::vector<int>& options = score.choices.emplace_back();
    for (const policy::PatternChoice& chosen : decision.choice.patterns) {
      options.push_back(chosen.option);
    }
  }
  score.policy = ValueOf(world, score.users, score.choices, policy.readout());
  score.shuffled = ShuffledValue(world, score, policy.readout());
  return score;
}

}  // namespace attune::trainer
