// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_STUDY_RUN_H_
#define ATTUNE_TRAINER_STUDY_RUN_H_

// A whole study: train the learners and search for fixed prompts at one budget
// for every seed, measure all methods on the test users, then look for reasons.
// Train users train, validation users are searched on, test users are reported
// on; each is touched for that only.
//
// Every LLM answer goes through the backend's reward cache if it has one, and
// trainings are kept in directories: a study started again repeats nothing.
//
// Not thread-safe.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/revision.h"
#include "trainer/evaluation.h"
#include "trainer/study_search.h"
#include "trainer/study_world.h"
#include "trainer/train_setup.h"
#include "trainer/trainer.h"

namespace attune::trainer {

// A policy that was trained elsewhere: one revision, or one a seed.
struct NamedRevisions {
  std::string name;
  std::vector<std::shared_ptr<const policy::Revision>> revisions;
};

struct StudyOptions {
  // Learners to train; "a2c" and so on.
  std::vector<std::string> learners;
  std::vector<NamedRevisions> revisions;
  // Of training and searching. At least one.
  std::vector<uint64_t> seeds = {1};
  // The budget of each learner and search, and how learners spend it.
  TrainOptions train;
  // Searches for a fixed prompt: "best_fixed", "edit_search".
  std::vector<std::string> searches = {"best_fixed", "edit_search"};
  int test_users = 0;      // 0: all
  int tasks_per_user = 1;  // of test users
  // Test users and choices of the oracle; no users: no oracle.
  int oracle_users = 50;
  int oracle_choices = 12;
  // Learner or revision to take apart; empty: none. Learners are also trained
  // with episodes of these lengths.
  std::string ablate;
  std::vector<int> ablate_episodes = {3, 15};
  // Where trainings are kept.
  std::string work = "study";
  // Of the intervals and the exchange of users.
  uint64_t seed = 1;
  StudyProgress progress = nullptr;
};

// kInvalidArgument names the option that is wrong; otherwise errors of training,
// searching and measuring.
absl::StatusOr<Evaluation> RunStudy(StudyWorld& world,
                                    const TrainSetupFlags& flags,
                                    const StudyOptions& options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_STUDY_RUN_H_
