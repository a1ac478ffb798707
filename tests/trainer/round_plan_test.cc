// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What a round asks, seen from the LLM and the learner.

#include "trainer/round_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "tests/trainer/training_fixture.h"
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
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Code = absl::StatusCode;

constexpr uint64_t kSeed = testing::kTrainingSeed;

// Several choices on each task.
using ChoicesTest = testing::TrainingTest;

TEST_F(ChoicesTest, TryDifferentPromptsOnOneTaskUnderEqualConditions) {
  options_.choices_per_task = 4;
  std::map<std::string, std::set<uint64_t>> seeds;
  std::mutex mutex;
  FakeLlm llm([&](const LlmRequest& request) {
    const std::lock_guard lock(mutex);
    seeds[absl::StrJoin(request.prompt->displayed_titles, "|")].insert(
        request.seed);
    return ScoreTargets(request);
  });
  RecordingLearner learner;
  ASSERT_THAT(Run(llm, learner), IsOk());
  EXPECT_EQ(llm.calls(), 64);
  // One displayed order and one decoding seed a task.
  EXPECT_THAT(seeds, SizeIs(16));
  for (const auto& [titles, task_seeds] : seeds) {
    EXPECT_THAT(task_seeds, SizeIs(1)) << titles;
  }
  std::map<int64_t, std::set<std::vector<int>>> choices;
  for (const Sample& sample : learner.All()) {
    choices[sample.group].insert(sample.options);
    EXPECT_TRUE(std::isnan(sample.default_reward));
  }
  EXPECT_THAT(choices, SizeIs(16));
  for (const auto& [group, options] : choices) {
    EXPECT_THAT(options, SizeIs(4)) << group;
  }
}

TEST_F(ChoicesTest, AreTheLearnersOwnIfItProposesSome) {
  options_.choices_per_task = 4;
  FakeLlm llm(ScoreTargets);
  class Stubborn final : public RecordingLearner {
   public:
    std::vector<std::vector<Proposal>> Propose(
        absl::Span<const Eigen::VectorXf> states, int count,
        uint64_t) const override {
      return {states.size(),
              std::vector<Proposal>(
                  count, {.options = {1, 2, 1, 0, 1},
                          .probabilities = {0.5F, 1.0F, 0.25F, 0.125F, 1.0F}})};
    }
  } learner;
  ASSERT_THAT(Run(llm, learner), IsOk());
  const std::vector<Sample> samples = learner.All();
  ASSERT_THAT(samples, SizeIs(64));
  // A learner's proposals are taken as they are, with its probabilities.
  for (const Sample& sample : samples) {
    EXPECT_THAT(sample.options, ElementsAre(1, 2, 1, 0, 1));
    EXPECT_THAT(sample.probabilities,
                ElementsAre(0.5F, 1.0F, 0.25F, 0.125F, 1.0F));
  }
}

TEST_F(ChoicesTest, ShareTheirBeginningIfAsked) {
  options_.budget = 640;
  options_.choices_per_task = 4;
  options_.share_beginning = true;
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  ASSERT_THAT(Run(llm, learner), IsOk());
  const std::vector<Sample> samples = learner.All();
  std::map<int, int> histories, hints;
  for (size_t first = 0; first < samples.size(); first += 4) {
    std::set<std::vector<int>> choices;
    for (size_t j = 0; j < 4; ++j) {
      const Sample& sample = samples[first + j];
      EXPECT_EQ(sample.group, samples[first].group);
      EXPECT_EQ(sample.options[0], samples[first].options[0]);
      EXPECT_EQ(sample.options[1], samples[first + j / 2 * 2].options[1]);
      choices.insert(sample.options);
      ++histories[sample.options[0]];
      ++hints[sample.options[1]];
      EXPECT_FLOAT_EQ(sample.probabilities[2], 0.5F);
    }
    EXPECT_THAT(choices, SizeIs(4));
  }
  // Still uniform: 160 of each, give or take three deviations of the 160 tasks'
  // or the 320 halves' counts.
  for (int option = 0; option < 4; ++option) {
    EXPECT_NEAR(histories[option], 160, 66) << "seed " << kSeed;
    EXPECT_NEAR(hints[option], 160, 47) << "seed " << kSeed;
  }
}

TEST_F(ChoicesTest, ShareTheBeginningOfWhatALearnerProposesFirst) {
  options_.choices_per_task = 4;
  options_.share_beginning = true;
  FakeLlm llm(ScoreTargets);
  class Various final : public RecordingLearner {
   public:
    std::vector<std::vector<Proposal>> Propose(
        absl::Span<const Eigen::VectorXf> states, int count,
        uint64_t) const override {
      std::vector<Proposal> proposals;
      for (int j = 0; j < count; ++j) {
        proposals.push_back({.options = {(j + 2) % 4, j % 4, 0, j % 3, 0},
                             .probabilities = std::vector<float>(5, 1.0F)});
      }
      return {states.size(), proposals};
    }
  } learner;
  ASSERT_THAT(Run(llm, learner), IsOk());
  for (size_t first = 0; first < learner.All().size(); first += 4) {
    const std::vector<Sample> all = learner.All();
    EXPECT_THAT(all[first].options, ElementsAre(2, 0, 0, 0, 0));
    EXPECT_THAT(all[first + 1].options, ElementsAre(2, 0, 0, 1, 0));
    EXPECT_THAT(all[first + 2].options, ElementsAre(2, 2, 0, 2, 0));
    EXPECT_THAT(all[first + 3].options, ElementsAre(2, 2, 0, 0, 0));
  }
}

TEST_F(ChoicesTest, ALearnerThatProposesTooLittleIsADefect) {
  options_.choices_per_task = 4;
  FakeLlm llm(ScoreTargets);
  class Lazy final : public RecordingLearner {
   public:
    std::vector<std::vector<Proposal>> Propose(
        absl::Span<const Eigen::VectorXf> states, int,
        uint64_t) const override {
      return {states.size(), {{.options = {0, 0, 0, 0, 0}}}};
    }
  } learner;
  EXPECT_THAT(Run(llm, learner),
              StatusIs(Code::kInternal, HasSubstr("too few")));
}

TEST_F(ChoicesTest, TheDefaultPromptIsAskedOnceATaskAndCountsAsACall) {
  options_.choices_per_task = 3;
  options_.default_baseline = true;
  options_.budget = 48;
  source_.num_users = 4;
  options_.draws_per_user = 1;
  FakeLlm llm(ScoreTargets);
  RecordingLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  // Four tasks in all, which come again: 4 default prompts, the rest choices.
  EXPECT_EQ(result->totals.defaults, 4);
  EXPECT_EQ(result->totals.rankings, 44);
  EXPECT_EQ(llm.calls(), 48);
  for (const Sample& sample : learner.All()) {
    EXPECT_EQ(sample.default_reward, 1.0F);
  }
}

TEST_F(ChoicesTest, ADefaultPromptThatFailedIsNotKnownAndNotAskedAgain) {
  options_.choices_per_task = 3;
  options_.default_baseline = true;
  options_.draws_per_user = 1;
  source_.num_users = 4;
  // Of each of the first round's four tasks, the default prompt is the last.
  FakeLlm llm(ScoreTargets, [](int call) {
    return call < 16 && call % 4 == 3 ? absl::UnavailableError("down")
                                      : absl::OkStatus();
  });
  RecordingLearner learner;
  const auto result = Run(llm, learner);
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->totals.defaults, 0);
  EXPECT_EQ(result->totals.dropped, 4);
  EXPECT_EQ(result->totals.rankings, 64);
  for (const Sample& sample : learner.All()) {
    EXPECT_TRUE(std::isnan(sample.default_reward));
  }
}

TEST_F(ChoicesTest, OnePermutationForAllShowsTheTargetAtOnePlaceARound) {
  class Published final : public RecordingLearner {
   public:
    bool SharedPermutation() const override { return true; }
  } learner;
  source_ = {.num_users = world_.num_train_users(),
             .make_task = [this](int user, int draw, int ordinal) {
               return world_.MakeTask(user, draw, ordinal);
             }};
  std::vector<int> positions;
  FakeLlm llm([&](const LlmRequest& request) {
    positions.push_back(world_.PlaceOf(request.sim_task)->target_position);
    return std::vector<float>(request.prompt->displayed_titles.size());
  });
  ASSERT_THAT(Run(llm, learner), IsOk());
  ASSERT_THAT(positions, SizeIs(64));
  std::set<int> places;
  for (int round = 0; round < 4; ++round) {
    const auto begin = positions.begin() + round * 16;
    EXPECT_THAT(std::vector<int>(begin, begin + 16), Each(*begin)) << round;
    places.insert(*begin);
    // What the simulator thinks is what is displayed: equal scores leave the
    // displayed order, in which the target is at that place.
    for (const Sample& sample : learner.rounds[round]) {
      EXPECT_FLOAT_EQ(sample.reward, 1.0F / std::log2(2.0F + *begin));
    }
  }
  EXPECT_GT(places.size(), 1u);
}

using PlannedUsersTest = testing::TrainingTest;

TEST_F(PlannedUsersTest, AsksForUsersWhoseGainIsLeastCertain) {
  // Least certain of the states with the largest sum.
  class Curious final : public RecordingLearner {
   public:
    std::optional<Gain> EstimateGain(
        absl::Span<const Eigen::VectorXf> states) const override {
      Gain gain{.state_deviation = Eigen::VectorXf(states.size())};
      for (size_t i = 0; i < states.size(); ++i) {
        gain.state_deviation[i] = states[i].sum();
        seen.push_back(states[i].sum());
      }
      return gain;
    }
    mutable std::vector<float> seen;
  } learner;
  source_ = {.num_users = world_.num_train_users(),
             .make_task = [this](int user, int draw, int ordinal) {
               return world_.MakeTask(user, draw, ordinal);
             }};
  options_.budget = 16;
  options_.planner = {.uncertain_share = 0.5, .pool_factor = 4};
  FakeLlm llm([](const LlmRequest& request) {
    return std::vector<float>(request.prompt->displayed_titles.size());
  });
  ASSERT_THAT(Run(llm, learner), IsOk());
  ASSERT_THAT(learner.seen, SizeIs(32));
  const std::vector<Sample> samples = learner.All();
  ASSERT_THAT(samples, SizeIs(16));
  std::vector<float> chosen;
  for (size_t i = 8; i < 16; ++i) chosen.push_back(samples[i].state.sum());
  std::vector<float> expected = learner.seen;
  std::sort(expected.rbegin(), expected.rend());
  expected.resize(8);
  EXPECT_EQ(chosen, expected);
}

}  // namespace
}  // namespace attune::trainer
