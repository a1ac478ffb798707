// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_score.h"

#include <numeric>
#include <vector>

#include "policy/status_macros.h"
#include "trainer/chooser.h"

namespace attune::trainer {

absl::StatusOr<SimScore> ScoreOnSim(const SimWorld& world,
                                    const policy::Policy& policy) {
  std::vector<int> users(world.num_users() - world.num_train_users());
  std::iota(users.begin(), users.end(), world.num_train_users());
  SimScore score{.bounds = world.BoundsOf(users)};
  for (const int user : users) {
    const Task task = world.MakeTask(user, /*draw=*/0, user);
    policy::Request request = RequestOf(task, /*seed=*/1);
    request.mode = policy::DecisionMode::kGreedy;
    ATTUNE_ASSIGN_OR_RETURN(const policy::Decision decision,
                            policy.Decide(request));
    std::vector<int> options;
    for (const policy::PatternChoice& chosen : decision.choice.patterns) {
      options.push_back(chosen.option);
    }
    score.policy += world.ExpectedReward(world.Quality(user, options));
  }
  score.policy /= static_cast<double>(users.size());
  return score;
}

}  // namespace attune::trainer
