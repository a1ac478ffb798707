// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "trainer/trainer.h"

namespace attune::trainer {

absl::Status Check(const TrainOptions& options) {
  if (options.batch_size < 1 || options.choices_per_task < 0 ||
      options.episode_length < 1 || options.checkpoint_every < 1) {
    return absl::InvalidArgumentError(
        "batch size, episode length and checkpoint interval must be at least "
        "1, "
        "choices per task at least 0");
  }
  const PlannerOptions& planner = options.planner;
  if (options.draws_per_user < 0 || planner.uncertain_share < 0.0 ||
      planner.uncertain_share >= 1.0 || planner.pool_factor < 1 ||
      planner.stop_width < 0.0 || planner.stop_after < 1) {
    return absl::InvalidArgumentError(
        "draws per user and stop width must be at least 0, the pool factor and "
        "the rankings before a stop at least 1, the uncertain share in [0, 1)");
  }
  if (options.choices_per_task > options.batch_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--choices-per-task ", options.choices_per_task,
        ": more than a round's --batch-size ", options.batch_size, " choices"));
  }
  const int64_t smallest =
      static_cast<int64_t>(options.batch_size) * options.episode_length;
  if (options.budget < smallest) {
    return absl::InvalidArgumentError(
        absl::StrCat("--budget ", options.budget,
                     ": smaller than one round, which asks for ", smallest,
                     " rankings (--batch-size ", options.batch_size,
                     " times --episode-length ", options.episode_length,
                     "); the smallest budget is ", smallest));
  }
  return absl::OkStatus();
}

std::string Describe(const TrainOptions& options) {
  return absl::StrCat(
      " batch ", options.batch_size, " choices ", options.choices_per_task,
      options.share_beginning ? " sharing beginning" : "", " episode ",
      options.episode_length, " default baseline ", options.default_baseline,
      " draws ", options.draws_per_user, " uncertain ",
      options.planner.uncertain_share, " of ", options.planner.pool_factor,
      " stop ", options.planner.stop_width, " after ",
      options.planner.stop_after, " seed ", options.seed);
}

}  // namespace attune::trainer
