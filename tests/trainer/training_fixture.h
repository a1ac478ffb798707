// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TESTS_TRAINER_TRAINING_FIXTURE_H_
#define ATTUNE_TESTS_TRAINER_TRAINING_FIXTURE_H_

// A small training whose learner remembers what it was taught.

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policy/catalog.h"
#include "tests/testing/policy_builders.h"
#include "tests/trainer/fake_llm.h"
#include "trainer/sim_world.h"
#include "trainer/trainer.h"

namespace attune::testing {

inline constexpr uint64_t kTrainingSeed = 31;
inline constexpr int kTrainingUsers = 50;

// Stays uniform and remembers what it was taught.
class RecordingLearner : public trainer::Learner {
 public:
  trainer::LearnerMetrics Update(
      absl::Span<const trainer::Sample> samples) override {
    rounds.emplace_back(samples.begin(), samples.end());
    return {{"samples_seen", static_cast<double>(samples.size())}};
  }
  std::vector<policy::NamedTensor> ExportTensors() const override { return {}; }
  std::string SaveState() const override {
    return std::to_string(rounds.size());
  }
  absl::Status LoadState(const std::string& state) override {
    loaded = state;
    return absl::OkStatus();
  }
  std::string name() const override { return "recording"; }

  std::vector<trainer::Sample> All() const {
    std::vector<trainer::Sample> all;
    for (const auto& round : rounds) {
      all.insert(all.end(), round.begin(), round.end());
    }
    return all;
  }

  std::vector<std::vector<trainer::Sample>> rounds;
  std::string loaded;
};

class TrainingTest : public ::testing::Test {
 protected:
  TrainingTest()
      : world_({.users = 8, .seed = kTrainingSeed},
               *policy::Catalog::Parse(kSmallCatalogYaml).value()) {
    std::string pattern = ::testing::TempDir() + "attune-trainer-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    items_ = {.tensors = world_.users().ItemTensors(), .strings = world_.users().ItemStrings()};
    settings_.catalog = policy::Catalog::Parse(kSmallCatalogYaml).value();
    settings_.items = &items_;
    settings_.encoder.embedding_dim = world_.options().embedding_dim;
    settings_.encoder.gru_hidden = 0;
    source_ = {.num_users = kTrainingUsers,
               .make_task = [this](int i, int, int) {
                 ++asked_users_[i];
                 return TargetTask(i);
               }};
    options_ = {.budget = 64,
                .batch_size = 16,
                .seed = kTrainingSeed,
                .directory = directory_,
                .checkpoint_every = 1,
                .fingerprint = "these settings",
                .clock = [] { return 0.0; }};
  }
  ~TrainingTest() override { std::filesystem::remove_all(directory_); }

  absl::StatusOr<trainer::TrainResult> Run(trainer::LlmBackend& llm,
                                           trainer::Learner& learner) {
    return trainer::Train(source_, llm, learner, settings_, {}, options_);
  }

  std::vector<nlohmann::json> Metrics() const {
    std::ifstream file(directory_ + "/metrics.jsonl");
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }

  trainer::SimWorld world_;
  std::string directory_;
  trainer::ItemFeatures items_;
  trainer::ExportSettings settings_;
  trainer::TaskSource source_;
  trainer::TrainOptions options_;
  std::map<int, int> asked_users_;
};

}  // namespace attune::testing

#endif  // ATTUNE_TESTS_TRAINER_TRAINING_FIXTURE_H_
