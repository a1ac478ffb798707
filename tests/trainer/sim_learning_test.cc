// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// How much of what the simulator has to teach the learners learn, on simulated
// users that they never saw: 0 is the uniform policy, 1 the best prompt of every
// user. Worlds and learners are as `attune_trainer train --backend sim` makes
// them.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "policy/revision.h"
#include "trainer/export.h"
#include "trainer/sim_backend.h"
#include "trainer/sim_score.h"
#include "trainer/sim_world.h"
#include "trainer/train_setup.h"
#include "trainer/trainer.h"

namespace attune::trainer {
namespace {

constexpr int kWorkers = 2;
// LLM calls after which the policy is measured.
constexpr int64_t kEarly = 600;
constexpr int64_t kLate = 3000;

// One learner in one world.
struct Curve {
  std::string learner;
  uint64_t seed = 0;
  SimSetting setting = SimSetting::kPaper;
  // After kEarly and kLate calls.
  SimScore early;
  SimScore late;
  absl::Status status;

  double BestFixed() const {
    return early.bounds.Normalised(early.bounds.best_fixed);
  }
};

absl::StatusOr<SimScore> Measure(const TrainSetup& setup,
                                 const SimWorld& world) {
  auto artifact = MakeRevision(setup.settings, setup.learner->ExportTensors(),
                               setup.golden);
  if (!artifact.ok()) return artifact.status();
  const auto revision = policy::Revision::Load(*std::move(artifact));
  if (!revision.ok()) return revision.status();
  return ScoreOnSim(world, (*revision)->policy());
}

absl::Status Learn(Curve& curve, const std::string& directory) {
  TrainSetupFlags flags;
  flags.catalog = ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml";
  flags.backend.backend = "sim";
  flags.learner = curve.learner;
  flags.seed = curve.seed;
  auto made = MakeTrainSetup(flags, /*created_seconds=*/0);
  if (!made.ok()) return made.status();
  TrainSetup& setup = **made;
  // The setup's own world, or one with the same items and other effects.
  SimWorldOptions world_options = SimSettingOptions(curve.setting, curve.seed);
  world_options.recency_decay = flags.recency_decay;
  const SimWorld world(world_options, *setup.settings.catalog);
  SimBackend backend(world);
  TrainOptions options{.budget = kLate,
                       .seed = curve.seed,
                       .directory = directory,
                       .checkpoint_every = 1 << 30,
                       .clock = [] { return 0.0; }};
  bool early_done = false;
  options.on_round = [&](const RoundReport& report) {
    if (early_done || report.totals.rankings < kEarly) return true;
    early_done = true;
    const auto score = Measure(setup, world);
    curve.status.Update(score.status());
    if (score.ok()) curve.early = *score;
    return score.ok();
  };
  const auto trained = Train(setup.source, backend, *setup.learner,
                             setup.settings, setup.golden, options);
  if (!trained.ok()) return trained.status();
  auto late = Measure(setup, world);
  if (late.ok()) curve.late = *late;
  return late.status();
}

// Runs them all, a few at a time; each is a function of its seed alone.
void LearnAll(std::vector<Curve>& curves) {
  std::string pattern = ::testing::TempDir() + "attune-sim-XXXXXX";
  const std::string root = mkdtemp(pattern.data());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < curves.size(); i = next++) {
      const std::string directory = absl::StrCat(root, "/", i);
      std::filesystem::create_directory(directory);
      curves[i].status.Update(Learn(curves[i], directory));
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  std::filesystem::remove_all(root);
}

struct Summary {
  double mean = 0.0;
  double standard_error = 0.0;
};

Summary Summarise(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  Summary summary;
  summary.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0.0;
  for (const double x : values) squares += std::pow(x - summary.mean, 2);
  summary.standard_error = std::sqrt(squares / (n - 1.0) / n);
  return summary;
}

struct Table {
  Summary early, late, best_fixed;
};

Table PrintTable(const std::vector<Curve>& curves, const std::string& learner) {
  std::vector<double> early, late, best_fixed;
  std::printf("%-6s seed  best fixed  %4d calls  %4d calls\n", learner.c_str(),
              static_cast<int>(kEarly), static_cast<int>(kLate));
  for (const Curve& curve : curves) {
    if (curve.learner != learner) continue;
    early.push_back(curve.early.Normalised());
    late.push_back(curve.late.Normalised());
    best_fixed.push_back(curve.BestFixed());
    std::printf("%-6s %4d  %10.3f  %10.3f  %10.3f\n", learner.c_str(),
                static_cast<int>(curve.seed), best_fixed.back(), early.back(),
                late.back());
  }
  const Table table{Summarise(early), Summarise(late), Summarise(best_fixed)};
  std::printf(
      "%-6s mean  %4.3f+-%.3f %4.3f+-%.3f %4.3f+-%.3f  (+- standard error)\n\n",
      learner.c_str(), table.best_fixed.mean, table.best_fixed.standard_error,
      table.early.mean, table.early.standard_error, table.late.mean,
      table.late.standard_error);
  return table;
}

TEST(SimLearningTest, LearnersFindMostOfWhatThereIsToFind) {
  std::vector<Curve> curves;
  for (uint64_t seed = 201; seed <= 203; ++seed) {
    for (const char* learner : {"bandit", "ppo", "a2c"}) {
      curves.push_back({.learner = learner, .seed = seed});
    }
  }
  LearnAll(curves);
  for (const Curve& curve : curves) {
    ASSERT_TRUE(curve.status.ok()) << curve.learner << " " << curve.seed << ": "
                                   << curve.status.ToString();
  }
  for (const char* learner : {"bandit", "ppo"}) {
    const Table table = PrintTable(curves, learner);
    EXPECT_GE(table.early.mean, 0.60) << learner;
    EXPECT_GE(table.late.mean, 0.80) << learner;
    // No prompt that is the same for all users gets there.
    EXPECT_GT(table.late.mean, table.best_fixed.mean) << learner;
  }
  // The paper's learner gets somewhere with many calls.
  const Table a2c = PrintTable(curves, "a2c");
  EXPECT_GT(a2c.late.mean, a2c.early.mean);
  EXPECT_GT(a2c.late.mean, 0.1);
}

// Without personal effects the best fixed prompt is all that can be learned.
TEST(SimLearningTest, LearnersFallBackToTheBestFixedPrompt) {
  std::vector<Curve> curves;
  for (uint64_t seed = 221; seed <= 222; ++seed) {
    for (const char* learner : {"bandit", "ppo"}) {
      curves.push_back({.learner = learner,
                        .seed = seed,
                        .setting = SimSetting::kAdversarial});
    }
  }
  LearnAll(curves);
  double sum = 0.0;
  for (const Curve& curve : curves) {
    ASSERT_TRUE(curve.status.ok()) << curve.status.ToString();
    const SimBounds& bounds = curve.late.bounds;
    // 1: as good as the best fixed prompt.
    const double value = (curve.late.policy - bounds.uniform) /
                         (bounds.best_fixed - bounds.uniform);
    std::printf("%-6s %4d  without personal effects: %.3f of the best fixed\n",
                curve.learner.c_str(), static_cast<int>(curve.seed), value);
    sum += value / static_cast<double>(curves.size());
  }
  EXPECT_GE(sum, 0.85);
}

}  // namespace
}  // namespace attune::trainer
