// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/study_run.h"

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

constexpr uint64_t kWorldSeed = 1;

// A study on the simulator in a directory of its own.
class StudyRunTest : public ::testing::Test {
 protected:
  StudyRunTest() {
    std::string pattern = ::testing::TempDir() + "attune-study-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    flags_.backend.backend = "sim";
    flags_.catalog = ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml";
    flags_.seed = kWorldSeed;
    options_.seeds = {1, 2};
    options_.train.budget = 600;
    options_.tasks_per_user = 2;
    options_.searches = {"best_fixed"};
    options_.oracle_users = 0;
    options_.work = directory_;
  }
  ~StudyRunTest() override { std::filesystem::remove_all(directory_); }

  absl::StatusOr<Evaluation> Run() {
    const auto world = StudyWorld::ForTraining(flags_);
    if (!world.ok()) return world.status();
    return RunStudy(**world, flags_, options_);
  }

  std::string directory_;
  TrainSetupFlags flags_;
  StudyOptions options_;
};

const ShuffleDrop& DropOf(const Evaluation& evaluation) {
  return evaluation.shuffle.at(0);
}

TEST_F(StudyRunTest, FindsPersonalizationWhereItExists) {
  RecordProperty("world_seed", std::to_string(kWorldSeed));
  options_.learners = {"ppo"};
  options_.oracle_users = 40;
  const auto evaluation = Run();
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_GT(DropOf(*evaluation).drop.low, 0.0);
  ASSERT_FALSE(evaluation->comparisons.empty());
  double gain = 0.0;
  for (const Comparison& one : evaluation->comparisons) {
    const bool ours = one.method == "ppo" && one.baseline == "best_fixed";
    if (ours && one.slice == Slice::kAll) gain = one.difference.low;
  }
  EXPECT_GT(gain, 0.0);
  ASSERT_FALSE(evaluation->headroom.empty());
  EXPECT_GT(evaluation->headroom[0].headroom.cross_fitted.low, 0.0);
  EXPECT_EQ(evaluation->curves.size(), 2);
  EXPECT_GE(evaluation->curves[0].points.back().llm_calls, 600);
}

TEST_F(StudyRunTest, FindsNoneWhereThereIsNone) {
  flags_.sim_setting = "adversarial";
  options_.learners = {"ppo"};
  options_.tasks_per_user = 4;
  const auto evaluation = Run();
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_LT(DropOf(*evaluation).drop.low, 0.0);
  EXPECT_GT(DropOf(*evaluation).p, 0.05);
}

TEST_F(StudyRunTest, ASecondRunGivesTheSameReport) {
  options_.learners = {"a2c"};
  options_.train.budget = 128;
  options_.seeds = {1};
  const auto first = Run();
  ASSERT_THAT(first, IsOk());
  const auto second = Run();
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->methods.back().slices[0].ndcg_at_10.mean,
            second->methods.back().slices[0].ndcg_at_10.mean);
  EXPECT_EQ(first->curves[0].points.size(), second->curves[0].points.size());
}

TEST_F(StudyRunTest, RefusesOptionsByName) {
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("--learners or --revision")));
  options_.learners = {"ppo"};
  options_.ablate = "a2c";
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("--ablations: a2c")));
  options_.ablate.clear();
  options_.seeds.clear();
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("--seeds")));
}

}  // namespace
}  // namespace attune::trainer
