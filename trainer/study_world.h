// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_STUDY_WORLD_H_
#define ATTUNE_TRAINER_STUDY_WORLD_H_

// What a study runs on: the users, the LLM, and the policy that renders the
// prompts of methods without a policy of their own.
//
// Not thread-safe.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/revision.h"
#include "trainer/baselines.h"
#include "trainer/dataset.h"
#include "trainer/environment.h"
#include "trainer/llm_backend.h"
#include "trainer/train_setup.h"
#include "trainer/trainer.h"

namespace attune::trainer {

class StudyWorld {
 public:
  // What training needs too: item embeddings are learned once, with
  // flags.seed, and shared by all learners and seeds. Errors of
  // MakeTrainSetup().
  static absl::StatusOr<std::unique_ptr<StudyWorld>> ForTraining(
      const TrainSetupFlags& flags);
  // Only the data and the LLM; `revision` renders. Errors of Dataset::Load(),
  // Environment::Check() and BackendFlags::Make().
  static absl::StatusOr<std::unique_ptr<StudyWorld>> ForRevision(
      const TrainSetupFlags& flags,
      std::shared_ptr<const policy::Revision> revision);

  // `draws` tasks of the first `users` users (all if 0).
  std::vector<Task> ValidationTasks(int users, int draws) const;
  std::vector<Task> TestTasks(int users, int draws) const;
  // random, popularity, item_knn, lightgcn, sasrec (which is trained here);
  // simulated users have only random and lightgcn. Errors of TrainSasRec().
  absl::StatusOr<std::vector<std::unique_ptr<Scorer>>> Scorers(
      uint64_t seed) const;

  const policy::Policy& policy() const { return revision_->policy(); }
  LlmBackend& backend() { return *backend_; }
  // Null unless made for training.
  TrainSetup* setup() { return setup_.get(); }
  // Of what was trained and measured, for the report.
  const std::string& dataset_name() const { return dataset_name_; }

 private:
  std::unique_ptr<TrainSetup> setup_;
  Dataset loaded_;
  std::unique_ptr<Environment> environment_;
  std::unique_ptr<LlmBackend> opened_;
  const Dataset* dataset_ = nullptr;
  LlmBackend* backend_ = nullptr;
  std::string dataset_name_;
  TaskSource validation_;
  TaskSource test_;
  std::shared_ptr<const policy::Revision> revision_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_STUDY_WORLD_H_
