// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_TRAIN_SETUP_H_
#define ATTUNE_TRAINER_TRAIN_SETUP_H_

// What the training loop runs on: the data or the simulated world, the backend,
// the learner and what a revision is made of.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/actor_network.h"
#include "trainer/export.h"
#include "trainer/flags.h"
#include "trainer/item_features.h"
#include "trainer/learner.h"
#include "trainer/lightgcn.h"
#include "trainer/llm_backend.h"
#include "trainer/trainer.h"

namespace attune::trainer {

struct TrainSetupFlags {
  DataFlags data;
  BackendFlags backend;
  LightGcnOptions lightgcn;
  std::string catalog;
  std::string learner = "ppo";
  std::string heads = "autoregressive";
  std::string readout = "likelihood";
  std::string policy_name = "default";
  std::string sim_setting = "paper";
  double sim_rate = 0.0;
  float recency_decay = 0.6F;
  float exploration_floor = 0.05F;
  // Set by the command.
  uint64_t seed = 1;
  int episode_length = 1;

  void AddTo(CLI::App& command);
  // Only what simulated users and their LLM depend on, beside the seed.
  void AddSimTo(CLI::App& command);
};

struct TrainSetup {
  virtual ~TrainSetup() = default;

  // Goes on with another catalog: settings, a new learner and, for simulated
  // users, a world that knows its sentences. Tasks stay the same.
  virtual absl::Status UseCatalog(
      std::shared_ptr<const policy::Catalog> catalog) = 0;

  TaskSource source;  // train users
  TaskSource validation;
  TaskSource test;
  const Dataset* dataset = nullptr;  // null if the users are simulated
  std::unique_ptr<LlmBackend> backend;
  std::unique_ptr<Learner> learner;
  ExportSettings settings;
  std::vector<Task> golden;
  // Everything that the result depends on beside the loop's own options.
  std::string fingerprint;
  // What to tell of the finished revision, if anything.
  std::function<std::string(std::string_view artifact)> report;
};

// The network that revisions of these settings hold: `settings.heads` as they
// will be.
absl::StatusOr<NetworkSpec> SpecOf(const ExportSettings& settings,
                                   uint64_t seed);

// rpp_published, a2c, ppo or bandit, with default hyper-parameters.
// kInvalidArgument for another name.
absl::StatusOr<std::unique_ptr<Learner>> MakeLearner(const std::string& name,
                                                     NetworkSpec spec);

// The encoder's GRU is as large as episodes of this length need it.
int GruHidden(int episode_length);

// Loads the data, trains LightGCN and opens the backend, with progress on
// stderr; or makes the simulated world. kInvalidArgument names the flag that is
// wrong.
absl::StatusOr<std::unique_ptr<TrainSetup>> MakeTrainSetup(
    const TrainSetupFlags& flags, int64_t created_seconds);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_TRAIN_SETUP_H_
