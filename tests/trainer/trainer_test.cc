// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/trainer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "tests/trainer/training_fixture.h"
#include "trainer/checkpoint.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::IsOk;
using ::attune::testing::RecordingLearner;
using ::attune::testing::ScoreTargets;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;
using Code = absl::StatusCode;

constexpr uint64_t kSeed = testing::kTrainingSeed;
constexpr int kUsers = testing::kTrainingUsers;

using TrainerTest = testing::TrainingTest;

TEST_F(TrainerTest, LearnsFromAsManyRankingsAsTheBudgetSays) {
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->totals.rankings, 64);
  EXPECT_EQ(result->totals.round, 4);
  EXPECT_EQ(llm.calls(), 64);
  EXPECT_THAT(learner.rounds, SizeIs(4));
  for (const Sample& sample : learner.All()) {
    EXPECT_EQ(sample.reward, 1.0F);
    EXPECT_THAT(sample.options, SizeIs(5));
    EXPECT_EQ(sample.next_state.size(), 0);
    // Uniform: the catalog's patterns have 4, 4, 2, 3 and 2 options.
    EXPECT_THAT(sample.probabilities,
                ::testing::Pointwise(::testing::FloatEq(),
                                     {0.25F, 0.25F, 0.5F, 1.0F / 3.0F, 0.5F}));
  }
  const auto revision = policy::Revision::Load(result->revision);
  ASSERT_THAT(revision, IsOk());
  EXPECT_EQ((*revision)->manifest().training().llm_calls(), 64);
}

TEST_F(TrainerTest, AsksForEveryUserOnceAnEpoch) {
  options_.budget = 2 * kUsers;
  options_.batch_size = 10;
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  ASSERT_THAT(Run(llm, learner), IsOk());
  ASSERT_THAT(asked_users_, SizeIs(kUsers));
  for (const auto& [user, times] : asked_users_) {
    EXPECT_EQ(times, 2) << user;
  }
}

TEST_F(TrainerTest, AFaultOfTheLlmIsADroppedSampleNeverARewardOfZero) {
  FakeLlm llm(ScoreTargets, [](int call) -> absl::Status {
    if (call % 4 == 1) return absl::UnavailableError("down");
    if (call % 4 == 3) return absl::DataLossError("half a JSON");
    return absl::OkStatus();
  });
  RecordingLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  // Half of the calls fail, so it takes about twice as many to spend the budget.
  EXPECT_EQ(result->totals.rankings, 64);
  EXPECT_EQ(result->totals.dropped, llm.calls() - 64);
  EXPECT_THAT(llm.calls(), AllOf(Ge(126), Le(130)));
  const std::vector<Sample> samples = learner.All();
  EXPECT_THAT(samples, SizeIs(64));
  for (const Sample& sample : samples) EXPECT_EQ(sample.reward, 1.0F);
  EXPECT_EQ(Metrics().back()["dropped"], result->totals.dropped);
  EXPECT_EQ(Metrics().back()["reward"], 1.0);
}

TEST_F(TrainerTest, AnAnswerThatCannotBeRankedIsDroppedToo) {
  int call = 0;
  FakeLlm llm([&](const LlmRequest& request) {
    std::vector<float> scores = ScoreTargets(request);
    if (++call % 2 == 0) scores.pop_back();
    return scores;
  });
  RecordingLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->totals.rankings, 64);
  EXPECT_EQ(result->totals.dropped, call - 64);
  for (const Sample& sample : learner.All()) EXPECT_EQ(sample.reward, 1.0F);
}

TEST_F(TrainerTest, AnUnreadableAnswerIsCountedAsSuch) {
  settings_.readout = policy::Readout::kGenerate;
  class Mute final : public LlmBackend {
   public:
    std::vector<absl::StatusOr<LlmAnswer>> Answer(
        absl::Span<const LlmRequest> requests) override {
      LlmAnswer answer;
      answer.text = "...";
      answer.usage.llm_calls = 1;
      return {requests.size(), answer};
    }
    std::string Identity() const override { return "mute"; }
  } llm;
  RecordingLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->totals.failed_parses, 64);
  EXPECT_EQ(result->totals.dropped, 0);
}

TEST_F(TrainerTest, ASilentLlmEndsTheRunAndKeepsTheCheckpoint) {
  FakeLlm llm(ScoreTargets, [](int call) {
    return call < 32 ? absl::OkStatus() : absl::UnavailableError("gone away");
  });
  RecordingLearner learner;
  EXPECT_THAT(Run(llm, learner),
              StatusIs(Code::kUnavailable, HasSubstr("gone away")));
  EXPECT_EQ(llm.calls(), 32 + 3 * 16);
  const auto checkpoint = LoadCheckpoint(directory_);
  ASSERT_THAT(checkpoint, IsOk());
  ASSERT_TRUE(checkpoint->has_value());
  EXPECT_EQ((*checkpoint)->progress.totals.rankings, 32);
}

TEST_F(TrainerTest, TheSecondIterationSeesWhatTheFirstLeft) {
  options_.episode_length = 2;
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  ASSERT_THAT(Run(llm, learner), IsOk());
  ASSERT_THAT(learner.rounds, SizeIs(2));
  for (const auto& samples : learner.rounds) {
    // All first iterations, then all second ones.
    ASSERT_THAT(samples, SizeIs(32));
    for (int i = 0; i < 16; ++i) {
      EXPECT_EQ(samples[i].next_state, samples[16 + i].state);
      EXPECT_EQ(samples[16 + i].next_state.size(), 0);
      // The state's last entry says whether there was a previous iteration.
      EXPECT_EQ(samples[i].state.tail(1)[0], 0.0F);
      EXPECT_EQ(samples[16 + i].state.tail(1)[0], 1.0F);
    }
  }
}

TEST_F(TrainerTest, AFaultEndsTheEpisodeButKeepsWhatCameBefore) {
  options_.episode_length = 2;
  options_.budget = 32;
  // Fails the first half of the first round's second iteration.
  FakeLlm llm(ScoreTargets, [](int call) {
    return call >= 16 && call < 24 ? absl::DeadlineExceededError("slow")
                                   : absl::OkStatus();
  });
  RecordingLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->totals.dropped, 8);
  EXPECT_EQ(result->totals.rankings, 32);
  // The rankings that were lost are asked for in a second, smaller round.
  ASSERT_THAT(learner.rounds, SizeIs(2));
  EXPECT_THAT(learner.rounds[1], SizeIs(8));
  const std::vector<Sample>& samples = learner.rounds[0];
  ASSERT_THAT(samples, SizeIs(24));
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(samples[i].next_state.size() == 0, i < 8) << i;
  }
}

TEST_F(TrainerTest, StopsWhenToldToAndGoesOnFromThere) {
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  options_.checkpoint_every = 100;
  options_.on_round = [](const RoundReport& report) {
    return report.totals.round < 2;
  };
  EXPECT_THAT(Run(llm, learner), StatusIs(Code::kCancelled));
  // The third round was under way: it is paid for and kept.
  EXPECT_EQ(llm.calls(), 48);
  EXPECT_THAT(learner.rounds, SizeIs(2));

  options_.on_round = nullptr;
  options_.resume = true;
  RecordingLearner resumed;
  const auto result = Run(llm, resumed);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(resumed.loaded, "2");
  EXPECT_THAT(resumed.rounds, SizeIs(2));
  EXPECT_EQ(result->totals.round, 4);
  EXPECT_THAT(Metrics(), SizeIs(4));
}

TEST_F(TrainerTest, AResumedRunAsksWhatAnUninterruptedOneWouldHave) {
  FakeLlm whole(ScoreTargets);
  RecordingLearner learner;
  ASSERT_THAT(Run(whole, learner), IsOk());

  FakeLlm parts(ScoreTargets);
  options_.resume = true;
  std::filesystem::remove(CheckpointPath(directory_));
  options_.on_round = [](const RoundReport&) { return false; };
  for (int round = 1; round < 4; ++round) {
    EXPECT_THAT(Run(parts, learner), StatusIs(Code::kCancelled)) << round;
  }
  options_.on_round = nullptr;
  ASSERT_THAT(Run(parts, learner), IsOk());
  EXPECT_EQ(parts.prompts(), whole.prompts());
}

TEST_F(TrainerTest, LinesAfterTheCheckpointAreWrittenAgainNotTwice) {
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  options_.on_round = [](const RoundReport& report) {
    return report.totals.round < 2;
  };
  EXPECT_THAT(Run(llm, learner), StatusIs(Code::kCancelled));
  // A round that no checkpoint holds, and half a line.
  std::ofstream(directory_ + "/metrics.jsonl", std::ios::app)
      << "{\"kind\":\"round\",\"round\":3}\n{\"kind\":\"rou";
  options_.on_round = nullptr;
  options_.resume = true;
  ASSERT_THAT(Run(llm, learner), IsOk());
  const std::vector<nlohmann::json> lines = Metrics();
  ASSERT_THAT(lines, SizeIs(4));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(lines[i]["round"], i + 1);
    EXPECT_EQ(lines[i]["samples_seen"], 16);
  }
}

TEST_F(TrainerTest, RefusesACheckpointOfOtherSettings) {
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  ASSERT_THAT(Run(llm, learner), IsOk());
  const auto before = Metrics();
  options_.resume = true;
  options_.fingerprint = "other settings";
  EXPECT_THAT(Run(llm, learner),
              StatusIs(Code::kFailedPrecondition, HasSubstr("other settings")));
  // Nothing was asked, and what is there is as it was.
  EXPECT_EQ(llm.calls(), 64);
  EXPECT_EQ(Metrics(), before);
  EXPECT_EQ((*LoadCheckpoint(directory_))->fingerprint, "these settings");
}

TEST_F(TrainerTest, StartsAnewUnlessToldToResume) {
  FakeLlm llm(ScoreTargets);
  RecordingLearner first;
  ASSERT_THAT(Run(llm, first), IsOk());
  RecordingLearner second;
  ASSERT_THAT(Run(llm, second), IsOk());
  EXPECT_THAT(second.loaded, IsEmpty());
  EXPECT_THAT(second.rounds, SizeIs(4));
  EXPECT_THAT(Metrics(), SizeIs(4));
}

TEST_F(TrainerTest, RefusesABudgetBelowOneRoundAndNamesTheSmallest) {
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  options_.episode_length = 2;
  options_.budget = 31;
  EXPECT_THAT(Run(llm, learner),
              StatusIs(Code::kInvalidArgument,
                       HasSubstr("--budget 31: smaller than one round")));
  EXPECT_THAT(
      Run(llm, learner),
      StatusIs(Code::kInvalidArgument, HasSubstr("the smallest budget is 32")));
  EXPECT_EQ(llm.calls(), 0);
  options_.budget = 32;
  EXPECT_THAT(Run(llm, learner), IsOk());
}

TEST_F(TrainerTest, NeverAsksForMoreThanTheBudget) {
  options_.budget = 70;
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(llm.calls(), 70);
  ASSERT_THAT(learner.rounds, SizeIs(5));
  EXPECT_THAT(learner.rounds.back(), SizeIs(6));
}

TEST_F(TrainerTest, RefusesOptionsOutOfRange) {
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  const TrainOptions good = options_;
  for (const auto& spoil : std::vector<void (*)(TrainOptions&)>{
           [](TrainOptions& o) { o.budget = 0; },
           [](TrainOptions& o) { o.choices_per_task = -1; },
           [](TrainOptions& o) { o.choices_per_task = 17; },
           [](TrainOptions& o) { o.draws_per_user = -1; },
           [](TrainOptions& o) { o.planner.uncertain_share = 1.0; },
           [](TrainOptions& o) { o.planner.pool_factor = 0; },
           [](TrainOptions& o) { o.planner.stop_width = -1.0; },
           [](TrainOptions& o) { o.planner.stop_after = 0; },
           [](TrainOptions& o) { o.batch_size = 0; },
           [](TrainOptions& o) { o.episode_length = 0; },
           [](TrainOptions& o) { o.checkpoint_every = 0; }}) {
    options_ = good;
    spoil(options_);
    EXPECT_THAT(Run(llm, learner), StatusIs(Code::kInvalidArgument));
  }
  options_ = good;
  source_.num_users = 0;
  EXPECT_THAT(Run(llm, learner),
              StatusIs(Code::kInvalidArgument, HasSubstr("users")));
  EXPECT_EQ(llm.calls(), 0);
}

TEST(TasksAtTest, AreTheSameWhereverTheListIsCut) {
  const TaskStreamOptions options = {.seed = kSeed};
  const std::vector<TaskId> all = TasksAt(0, 60, 20, options);
  std::vector<TaskId> parts;
  for (int begin = 0; begin < 60; begin += 7) {
    for (const TaskId& id :
         TasksAt(begin, std::min(7, 60 - begin), 20, options)) {
      parts.push_back(id);
    }
  }
  EXPECT_EQ(parts, all);
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(all[i].user, UserAt(i, 20, kSeed));
    EXPECT_EQ(all[i].draw, i / 20);
    EXPECT_EQ(all[i].ordinal, i);
  }
}

TEST(TasksAtTest, ComeAgainAfterSoManyDraws) {
  std::set<TaskId> ids;
  for (const TaskId& id :
       TasksAt(0, 200, 20, {.seed = kSeed, .draws_per_user = 2})) {
    ids.insert(id);
  }
  EXPECT_THAT(ids, SizeIs(40));
}

TEST(UserAtTest, GivesEveryUserOnceAnEpochInAnOrderOfItsOwn) {
  std::vector<int> first, second;
  for (int i = 0; i < 20; ++i) {
    first.push_back(UserAt(i, 20, kSeed));
    second.push_back(UserAt(20 + i, 20, kSeed));
  }
  EXPECT_NE(first, second);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
  EXPECT_EQ(std::adjacent_find(first.begin(), first.end()), first.end());
}

}  // namespace
}  // namespace attune::trainer
