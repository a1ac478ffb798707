// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/study_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "trainer/sasrec.h"

namespace attune::trainer {
namespace {

std::vector<Task> MakeTasks(const TaskSource& source, int users, int draws) {
  const int count =
      users > 0 ? std::min(users, source.num_users) : source.num_users;
  std::vector<Task> tasks;
  for (int i = 0; i < count; ++i) {
    for (int draw = 0; draw < draws; ++draw) {
      tasks.push_back(source.make_task(i, draw, /*ordinal=*/i));
    }
  }
  return tasks;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StudyWorld>> StudyWorld::ForTraining(
    const TrainSetupFlags& flags) {
  auto world = std::make_unique<StudyWorld>();
  ATTUNE_ASSIGN_OR_RETURN(world->setup_,
                          MakeTrainSetup(flags, /*created_seconds=*/0));
  const TrainSetup& setup = *world->setup_;
  ExportSettings uniform = setup.settings;
  uniform.heads = {.exploration_floor = uniform.heads.exploration_floor};
  ATTUNE_ASSIGN_OR_RETURN(std::string artifact, MakeRevision(uniform, {}, {}));
  ATTUNE_ASSIGN_OR_RETURN(world->revision_,
                          policy::Revision::Load(std::move(artifact)));
  world->backend_ = setup.backend.get();
  world->dataset_ = setup.dataset;
  world->dataset_name_ =
      setup.dataset != nullptr
          ? setup.dataset->name
          : absl::StrCat("sim_", flags.sim_setting, "_", flags.seed);
  world->validation_ = setup.validation;
  world->test_ = setup.test;
  return world;
}

absl::StatusOr<std::unique_ptr<StudyWorld>> StudyWorld::ForRevision(
    const TrainSetupFlags& flags,
    std::shared_ptr<const policy::Revision> revision) {
  auto world = std::make_unique<StudyWorld>();
  world->revision_ = std::move(revision);
  ATTUNE_ASSIGN_OR_RETURN(world->loaded_, Dataset::Load(flags.data.dataset));
  ATTUNE_ASSIGN_OR_RETURN(const EnvironmentOptions options,
                          flags.data.Environment());
  ATTUNE_RETURN_IF_ERROR(Environment::Check(world->loaded_, options));
  world->environment_ = std::make_unique<Environment>(world->loaded_, options);
  ATTUNE_ASSIGN_OR_RETURN(world->opened_, flags.backend.Make());
  world->backend_ = world->opened_.get();
  world->dataset_ = &world->loaded_;
  world->dataset_name_ = world->loaded_.name;
  const auto tasks_of = [raw = world.get()](UserSplit split) {
    std::vector<int> users = raw->loaded_.UsersOf(split);
    const int count = static_cast<int>(users.size());
    return TaskSource{
        count,
        [raw, users = std::move(users)](int index, int draw, int ordinal) {
          return raw->environment_->MakeTask(users[index], draw, ordinal);
        }};
  };
  world->validation_ = tasks_of(UserSplit::kValidation);
  world->test_ = tasks_of(UserSplit::kTest);
  return world;
}

std::vector<Task> StudyWorld::ValidationTasks(int users, int draws) const {
  return MakeTasks(validation_, users, draws);
}

std::vector<Task> StudyWorld::TestTasks(int users, int draws) const {
  return MakeTasks(test_, users, draws);
}

absl::StatusOr<std::vector<std::unique_ptr<Scorer>>> StudyWorld::Scorers(
    uint64_t seed) const {
  std::vector<std::unique_ptr<Scorer>> scorers;
  scorers.push_back(MakeRandomScorer(seed));
  if (dataset_ != nullptr) {
    scorers.push_back(MakePopularityScorer(*dataset_));
    scorers.push_back(MakeItemKnnScorer(*dataset_));
  }
  scorers.push_back(MakeFoldInScorer(policy()));
  if (dataset_ != nullptr) {
    ATTUNE_ASSIGN_OR_RETURN(auto sasrec,
                            TrainSasRec(*dataset_, {.seed = seed}));
    scorers.push_back(std::move(sasrec));
  }
  return scorers;
}

}  // namespace attune::trainer
