// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The training loop's pipeline, and what ends it.

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "tests/trainer/training_fixture.h"
#include "trainer/checkpoint.h"
#include "trainer/export.h"
#include "trainer/round_plan.h"
#include "trainer/round_runner.h"
#include "trainer/trainer.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::IsOk;
using ::attune::testing::RecordingLearner;
using ::attune::testing::ScoreTargets;
using ::attune::testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::NanSensitiveFloatEq;
using ::testing::SizeIs;
using Code = absl::StatusCode;

// While the LLM works on one round, the next is chosen.
class PipelineTest : public testing::TrainingTest {
 protected:
  // As the loop would plan its first one.
  std::shared_ptr<const Round> PlannedRound() {
    const auto policy = RolloutExporter(settings_).PolicyOf({});
    EXPECT_THAT(policy, IsOk());
    auto round = PlanRound(
        source_, {.batch_size = 4}, RecordingLearner(), *policy,
        {.episodes = 4, .default_known = [](const TaskId&) { return false; }});
    EXPECT_THAT(round, IsOk());
    return std::make_shared<const Round>(*std::move(round));
  }
};

TEST_F(PipelineTest, LearnsOneRoundLateWhateverTheLlmsPace) {
  // The policy's revision would show in the prompts: the proposal is the number
  // of rounds learned from.
  class Counting : public RecordingLearner {
   public:
    std::vector<std::vector<Proposal>> Propose(
        absl::Span<const Eigen::VectorXf> states, int count,
        uint64_t) const override {
      const int learned = static_cast<int>(rounds.size());
      return {
          states.size(),
          std::vector<Proposal>(count, {.options = {learned % 4, 0, 0, 0, 0}})};
    }
  };
  // Answers only when the learner has learned from all rounds before: as slow
  // as can be; and at once.
  std::vector<std::vector<std::string>> prompts;
  for (const bool slow : {false, true}) {
    Counting learner;
    std::mutex mutex;
    std::condition_variable learned;
    int reported = 0;
    options_.on_round = [&](const RoundReport& report) {
      const std::lock_guard lock(mutex);
      reported = report.totals.round;
      learned.notify_all();
      return true;
    };
    FakeLlm llm(ScoreTargets, [&](int call) {
      std::unique_lock lock(mutex);
      if (slow) learned.wait(lock, [&] { return reported == call / 16; });
      return absl::OkStatus();
    });
    ASSERT_THAT(Run(llm, learner), IsOk());
    prompts.push_back(llm.prompts());
    std::vector<int> options;
    for (const auto& round : learner.rounds) {
      options.push_back(round[0].options[0]);
      EXPECT_THAT(round, Each(Field(&Sample::options,
                                    ElementsAre(options.back(), 0, 0, 0, 0))));
    }
    EXPECT_THAT(options, ElementsAre(0, 0, 1, 2));
  }
  EXPECT_EQ(prompts[0], prompts[1]);
}

TEST_F(PipelineTest, TheLlmGoesOnToTheNextRoundWithoutWaiting) {
  // Two rounds were handed over and nobody asks for the first one's result; the
  // second begins nevertheless.
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  FakeLlm llm(ScoreTargets, [&](int call) {
    const std::lock_guard lock(mutex);
    calls = call + 1;
    changed.notify_all();
    return absl::OkStatus();
  });
  RoundRunner runner(llm, [] { return 0.0; });
  const auto round = PlannedRound();
  runner.Add(round);
  runner.Add(round);
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), [&] {
      return calls == 2 * static_cast<int>(round->episodes.size());
    }));
  }
  EXPECT_THAT(runner.Take(), IsOk());
  EXPECT_THAT(runner.Take(), IsOk());
}

TEST_F(PipelineTest, TellsHowLongTheLlmHadNothingToDo) {
  // A clock that only the LLM and the learner advance: 3 s a round each, the
  // learner's behind the LLM's but for the last.
  std::atomic<double> now = 0.0;
  options_.clock = [&] { return now.load(); };
  FakeLlm llm(ScoreTargets, [&](int call) {
    if (call % 16 == 0) now = now + 3.0;
    return absl::OkStatus();
  });
  RecordingLearner learner;
  options_.on_round = [&](const RoundReport& report) {
    if (report.totals.round == 4) now = now + 4.0;
    return true;
  };
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_DOUBLE_EQ(result->seconds, 16.0);
  EXPECT_DOUBLE_EQ(result->llm_idle_share, 0.25);
  EXPECT_EQ(Metrics().back()["llm_seconds"], 3.0);
  EXPECT_EQ(Metrics().back()["llm_idle_share"], 0.0);
}

TEST_F(PipelineTest, ResumedRunsWithFaultsAndDefaultsAskTheSame) {
  options_.choices_per_task = 3;
  options_.default_baseline = true;
  options_.budget = 100;
  options_.draws_per_user = 1;
  source_.num_users = 7;
  // A fault is a function of the prompt, so that it meets both runs alike.
  const auto answer = [](const LlmRequest& request) {
    std::vector<float> scores = ScoreTargets(request);
    if (std::hash<std::string>()(request.prompt->CanonicalBytes()) % 3 == 0) {
      scores.pop_back();
    }
    return scores;
  };
  FakeLlm whole(answer);
  RecordingLearner learner;
  ASSERT_THAT(Run(whole, learner), IsOk());
  const std::vector<Sample> expected = learner.All();

  FakeLlm parts(answer);
  options_.resume = true;
  std::filesystem::remove(CheckpointPath(directory_));
  options_.on_round = [](const RoundReport&) { return false; };
  RecordingLearner resumed;
  int runs = 1;
  while (!Run(parts, resumed).ok()) {
    if (++runs == 30) options_.on_round = nullptr;
    ASSERT_LT(runs, 32);
  }
  EXPECT_GT(runs, 5);
  EXPECT_EQ(parts.prompts(), whole.prompts());
  const std::vector<Sample> actual = resumed.All();
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].state, expected[i].state) << i;
    EXPECT_EQ(actual[i].options, expected[i].options) << i;
    EXPECT_EQ(actual[i].group, expected[i].group) << i;
    EXPECT_THAT(actual[i].default_reward,
                NanSensitiveFloatEq(expected[i].default_reward))
        << i;
  }
}

// When the run ends before its budget.
class SickLearner final : public RecordingLearner {
 public:
  explicit SickLearner(absl::Status health) : health_(std::move(health)) {}
  absl::Status Health() const override {
    return rounds.size() < 3 ? absl::OkStatus() : health_;
  }

 private:
  absl::Status health_;
};

using EndTest = testing::TrainingTest;

TEST_F(EndTest, AnIllLearnerStopsTheRunWithItsCheckpoint) {
  options_.budget = 640;
  FakeLlm llm(ScoreTargets);
  SickLearner learner(absl::FailedPreconditionError("entropy.hint 0.001"));
  EXPECT_THAT(
      Run(llm, learner),
      StatusIs(Code::kFailedPrecondition,
               HasSubstr("round 3: entropy.hint 0.001; training stopped, the "
                         "checkpoint of round 3 is kept")));
  const auto checkpoint = LoadCheckpoint(directory_);
  ASSERT_THAT(checkpoint, IsOk());
  // Of before the update that went wrong: the round's samples are not lost.
  EXPECT_EQ((*checkpoint)->progress.learned_rounds, 2);
  EXPECT_THAT((*checkpoint)->progress.pending, SizeIs(16));
  EXPECT_EQ((*checkpoint)->learner_state, "2");
  // The LLM may have begun round 4 while round 3 was learned, and no more.
  EXPECT_THAT(llm.calls(), AnyOf(48, 64));
}

TEST_F(EndTest, ALossThatIsNotANumberStopsTheRun) {
  class Nan final : public RecordingLearner {
   public:
    LearnerMetrics Update(absl::Span<const Sample> samples) override {
      RecordingLearner::Update(samples);
      return {{"policy_loss", rounds.size() < 2 ? 1.0 : NAN}};
    }
  } learner;
  options_.checkpoint_every = 100;
  FakeLlm llm(ScoreTargets);
  EXPECT_THAT(Run(llm, learner),
              StatusIs(Code::kInternal,
                       HasSubstr("round 2: policy_loss is not a number; "
                                 "training stopped, the checkpoint of round 1 "
                                 "is kept")));
}

// Knows more with every sample.
class CertainLearner final : public RecordingLearner {
 public:
  std::optional<Gain> EstimateGain(
      absl::Span<const Eigen::VectorXf> states) const override {
    const double samples = static_cast<double>(All().size());
    return Gain{.mean = 0.1,
                .deviation = 1.0 / (1.0 + samples),
                .state_deviation = Eigen::VectorXf::Ones(
                    static_cast<Eigen::Index>(states.size()))};
  }
};

TEST_F(EndTest, StopsWhenTheGainsIntervalIsNarrowEnough) {
  options_.budget = 640;
  // 3.92 / (1 + samples) <= 0.09 from 43 samples on: after three rounds.
  options_.planner.stop_width = 0.09;
  options_.planner.stop_after = 1;
  FakeLlm llm(ScoreTargets);
  CertainLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_TRUE(result->stopped_early);
  // The fourth round was under way: it is paid for, so it is learned from.
  EXPECT_EQ(result->totals.rankings, 64);
  EXPECT_EQ(llm.calls(), 64);
  ASSERT_TRUE(result->gain.has_value());
  EXPECT_NEAR(result->gain->high - result->gain->low, 2 * 1.959964 / 65, 1e-9);
  EXPECT_NEAR(Metrics().back()["gain"].get<double>(), 0.1, 1e-12);
}

TEST_F(EndTest, GoesOnUntilEnoughRankingsWereLearnedFrom) {
  options_.budget = 640;
  options_.planner.stop_width = 100.0;
  options_.planner.stop_after = 100;
  FakeLlm llm(ScoreTargets);
  CertainLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  // 100 are reached in the seventh round, and the eighth was under way.
  EXPECT_EQ(result->totals.rankings, 128);
}

TEST_F(EndTest, SpendsTheBudgetIfTheIntervalStaysWide) {
  options_.planner.stop_width = 0.01;
  options_.planner.stop_after = 1;
  FakeLlm llm(ScoreTargets);
  CertainLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_FALSE(result->stopped_early);
  EXPECT_EQ(result->totals.rankings, 64);
}

}  // namespace
}  // namespace attune::trainer
