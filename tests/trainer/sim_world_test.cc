// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_world.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "policy/random.h"
#include "policy/ranking.h"
#include "tests/testing/status_matchers.h"
#include "trainer/files.h"
#include "trainer/sim_backend.h"
#include "trainer/sim_score.h"

namespace attune::trainer {
namespace {

using ::attune::testing::StatusIs;

constexpr uint64_t kSeed = 9;

const policy::Catalog& PaperCatalog() {
  static const policy::Catalog* const kCatalog = new policy::Catalog(
      *policy::Catalog::Parse(
           ReadFile(ATTUNE_SOURCE_DIR "/policy/catalogs/movies_paper.yaml")
               .value())
           .value());
  return *kCatalog;
}

SimWorldOptions SmallOptions(uint64_t seed = kSeed) {
  SimWorldOptions options = SimSettingOptions(SimSetting::kPaper, seed);
  options.users = 40;
  return options;
}

// 3 x 7 x 5 x 5 options.
std::unique_ptr<SimWorld> SmallWorld() {
  return std::make_unique<SimWorld>(SmallOptions(), PaperCatalog());
}

TEST(SimRewardTest, AnUnhelpfulPromptRanksByChance) {
  // Uniform rank among ten: the mean of 1 / log2(1 + rank) is 0.4544.
  const SimReward reward(10, /*position_bias=*/0.0, /*deviation=*/1.0);
  EXPECT_NEAR(reward.Expected(0.0), 0.4544, 1e-4);
  EXPECT_NEAR(reward.Chance(), 0.4544, 1e-4);
}

TEST(SimRewardTest, OfTwoCandidatesItIsTheProbabilityOfTheDifferencesSign) {
  // The difference of two scores is normal with mean 1 and variance 2:
  // P(> 0) = 0.76025; NDCG is 1 or 1 / log2(3) = 0.63093.
  const SimReward reward(2, /*position_bias=*/0.0, /*deviation=*/1.0);
  EXPECT_NEAR(reward.Expected(1.0), 0.76025 + 0.23975 * 0.63093, 1e-4);
}

TEST(SimRewardTest, BetterPromptsGetBetterRewards) {
  const SimReward reward(10, 0.6, 1.0);
  for (double quality = -4.0; quality < 4.0; quality += 0.25) {
    EXPECT_LT(reward.Expected(quality), reward.Expected(quality + 0.25));
  }
  EXPECT_LE(reward.Expected(1000.0), 1.0);
}

TEST(SimWorldTest, BoundsAndShuffledValuesAreThoseOfBruteForce) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const auto world = SmallWorld();
  const std::vector<int> users = {3, 17, 29};
  for (const auto readout :
       {policy::Readout::kLikelihood, policy::Readout::kGenerate}) {
    std::vector<double> best(users.size(), 0.0);
    double best_fixed = 0.0;
    double all = 0.0;
    int choices = 0;
    for (int i = 0; i < 3 * 7 * 5 * 5; ++i) {
      const std::vector<int> choice = {i % 3, i / 3 % 7, i / 21 % 5, i / 105};
      double sum = 0.0;
      for (size_t u = 0; u < users.size(); ++u) {
        const double reward = world->ExpectedReward(users[u], choice, readout);
        best[u] = std::max(best[u], reward);
        sum += reward / 3.0;
      }
      best_fixed = std::max(best_fixed, sum);
      all += sum;
      ++choices;
    }
    const SimBounds bounds = BoundsOf(*world, users, readout);
    EXPECT_NEAR(bounds.uniform, all / choices, 1e-12);
    EXPECT_NEAR(bounds.best_fixed, best_fixed, 1e-12);
    EXPECT_NEAR(bounds.optimum, (best[0] + best[1] + best[2]) / 3.0, 1e-12);
    EXPECT_NEAR(bounds.Normalised(bounds.optimum), 1.0, 1e-12);
    const std::vector<std::vector<int>> fixed(3, bounds.best_fixed_choice);
    EXPECT_NEAR(ValueOf(*world, users, fixed, readout), best_fixed, 1e-12);
  }
}

TEST(SimWorldTest, IsAFunctionOfItsSeed) {
  const auto one = SmallWorld();
  const auto same = SmallWorld();
  const SimWorld other(SmallOptions(kSeed + 1), PaperCatalog());
  EXPECT_EQ(one->Quality(5, {2, 1, 3, 4}), same->Quality(5, {2, 1, 3, 4}));
  EXPECT_NE(one->Quality(5, {2, 1, 3, 4}), other.Quality(5, {2, 1, 3, 4}));
  EXPECT_EQ(one->users().ItemTensors()[0].values,
            same->users().ItemTensors()[0].values);
}

TEST(SimWorldTest, OptionsKeepTheirEffectsWhenOthersJoinTheCatalog) {
  const auto world = SmallWorld();
  const double before = world->Quality(5, {2, 1, 3, 4});
  policy::Catalog longer = PaperCatalog();
  policy::Option joined = longer.patterns[1].options[1];
  joined.id = "joined";
  joined.text = "Judge by what the viewer watched, one by one.";
  longer.patterns[1].options.push_back(joined);
  EXPECT_FALSE(world->Fits({2, 7, 3, 4}));
  world->SetCatalog(longer);
  EXPECT_EQ(world->Quality(5, {2, 1, 3, 4}), before);
  EXPECT_TRUE(world->Fits({2, 7, 3, 4}));
  EXPECT_NE(world->Quality(5, {2, 7, 3, 4}), before);
}

TEST(SimWorldTest, EqualSentencesOfDifferentPatternsHaveDifferentEffects) {
  const auto world = SmallWorld();
  // "none" is the empty sentence in both.
  EXPECT_NE(world->effects()[1][0].main, world->effects()[2][0].main);
}

TEST(SimWorldTest, ARewriteTakesAfterItsParent) {
  SimWorldOptions options = SmallOptions();
  options.phrase_effect = 0.0;
  policy::Catalog catalog = PaperCatalog();
  policy::Pattern& pattern = catalog.patterns[1];
  const policy::Option parent = pattern.options[4];
  policy::Option rewrite = parent;
  rewrite.text = parent.text + " Above all else.";
  double with = 0.0, a = 0.0, b = 0.0;
  constexpr int kWorlds = 400;
  for (int seed = 1; seed <= kWorlds; ++seed) {
    options.seed = seed;
    const SimPhrases phrases(seed);
    const double one =
        EffectsOf(catalog, pattern, parent, options, phrases).main;
    const double other =
        EffectsOf(catalog, pattern, rewrite, options, phrases).main;
    with += one * other;
    a += one * one;
    b += other * other;
  }
  // sqrt(11 / 14) of the words are shared, and words are 0.75 of the variance:
  // 0.66, with a standard error of 0.03.
  EXPECT_NEAR(with / std::sqrt(a * b), 0.66, 0.12);
}

TEST(SimWorldTest, WhatTheLlmLikesOfATaskIsTheSameForEveryChoice) {
  const auto world = SmallWorld();
  const Task task = world->MakeTask(7, /*draw=*/2, /*ordinal=*/3);
  const auto place = *world->PlaceOf(task.sim_task);
  const auto one = world->Answer(place, {0, 0, 0, 0}, /*seed=*/1).scores;
  const auto other = world->Answer(place, {1, 2, 3, 4}, /*seed=*/1).scores;
  EXPECT_NE(one, other);
  // Means over many seeds differ by the quality at the target and nowhere else.
  constexpr int kAnswers = 4000;
  std::vector<double> difference(10, 0.0);
  for (int seed = 0; seed < kAnswers; ++seed) {
    const auto a = world->Answer(place, {0, 0, 0, 0}, seed).scores;
    const auto b = world->Answer(place, {1, 2, 3, 4}, seed).scores;
    for (int i = 0; i < 10; ++i) difference[i] += (b[i] - a[i]) / kAnswers;
  }
  const double quality =
      world->Quality(7, {1, 2, 3, 4}) - world->Quality(7, {0, 0, 0, 0});
  for (int i = 0; i < 10; ++i) {
    // Deviation 0.67 sqrt(2 / 4000) = 0.015: four of it.
    EXPECT_NEAR(difference[i], i == place.target_position ? quality : 0.0, 0.06)
        << "position " << i;
  }
}

TEST(SimWorldTest, DrawsHaveOtherCandidatesAndTheSameHistory) {
  const auto world = SmallWorld();
  const Task first = world->MakeTask(7, /*draw=*/0, /*ordinal=*/3);
  const Task again = world->MakeTask(7, /*draw=*/0, /*ordinal=*/3);
  const Task second = world->MakeTask(7, /*draw=*/1, /*ordinal=*/3);
  ASSERT_EQ(first.candidates.size(), 10u);
  std::set<std::string> ids;
  int shared = 0;
  for (size_t i = 0; i < first.candidates.size(); ++i) {
    EXPECT_EQ(first.candidates[i].id, again.candidates[i].id);
    shared += first.candidates[i].id == second.candidates[i].id;
    ids.insert(first.candidates[i].id);
  }
  EXPECT_LT(shared, 5);
  for (const policy::Item& item : first.history) {
    EXPECT_TRUE(ids.insert(item.id).second) << "a candidate was seen before";
  }
  EXPECT_EQ(first.history.size(), second.history.size());
  EXPECT_EQ(world->PlaceOf(first.sim_task)->user, 7);
  EXPECT_EQ(world->PlaceOf(second.sim_task)->draw, 1);
  EXPECT_EQ(world->PlaceOf(first.sim_task)->target_position, 3);
  EXPECT_EQ(world->PlaceOf(second.sim_task)->target_position, 4);
  EXPECT_EQ(first.permutation.CandidateAt(3), first.target);
}

TEST(SimWorldTest, TheCollaborativeEaseForetellsPartOfTheReward) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const SimWorld world(SimSettingOptions(SimSetting::kPaper, kSeed),
                       PaperCatalog());
  const auto tensors = world.users().ItemTensors();
  const Eigen::Map<const policy::RowMajorMatrix> items(
      tensors[0].values.data(), tensors[0].shape[0], tensors[0].shape[1]);
  const auto row = [&](const policy::Item& item) {
    return items.row(std::stoi(item.id.substr(4)));
  };
  constexpr int kTasks = 3000;
  double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
  for (int i = 0; i < kTasks; ++i) {
    const Task task = world.MakeTask(i % 1000, i / 1000, i);
    Eigen::RowVectorXf user = Eigen::RowVectorXf::Zero(items.cols());
    for (const policy::Item& item : task.history) user += row(item);
    std::vector<float> scores;
    for (const policy::Item& item : task.candidates) {
      scores.push_back(user.dot(row(item)));
    }
    const auto place = *world.PlaceOf(task.sim_task);
    const auto answer = world.Answer(place, {0, 1, 1, 0}, i).scores;
    int rank = 1;
    for (const float s : answer) rank += s > answer[place.target_position];
    const double ease = Ease(task, scores);
    const double reward = policy::NdcgAt(10, rank);
    x += ease / kTasks;
    y += reward / kTasks;
    xx += ease * ease / kTasks;
    yy += reward * reward / kTasks;
    xy += ease * reward / kTasks;
  }
  const double correlation =
      (xy - x * y) / std::sqrt((xx - x * x) * (yy - y * y));
  RecordProperty("correlation", std::to_string(correlation));
  EXPECT_GT(correlation, 0.12);
  EXPECT_LT(correlation, 0.5);
}

TEST(SimWorldTest, TargetsAreDisplayedEverywhereEquallyOften) {
  const auto world = SmallWorld();
  std::vector<int> counts(10, 0);
  for (int i = 0; i < 40; ++i) {
    ++counts[world->PlaceOf(world->MakeTask(i, 0, i).sim_task)
                 ->target_position];
  }
  EXPECT_THAT(counts, ::testing::Each(4));
}

TEST(SimWorldTest, KnowsWhatIsATaskAndAChoice) {
  const auto world = SmallWorld();
  EXPECT_FALSE(world->PlaceOf(-1).has_value());
  EXPECT_FALSE(
      world->PlaceOf((int64_t{40} << 20) * policy::kMaxCandidates).has_value());
  EXPECT_FALSE(world->PlaceOf(10).has_value());
  EXPECT_TRUE(world->Fits({2, 6, 4, 4}));
  EXPECT_FALSE(world->Fits({2, 6, 4}));
  EXPECT_FALSE(world->Fits({2, 7, 4, 4}));
  EXPECT_FALSE(world->Fits({-1, 1, 3, 0}));
}

class SimBackendTest : public ::testing::Test {
 protected:
  LlmRequest Request(uint64_t seed, std::vector<int> options) const {
    LlmRequest request;
    request.prompt = &prompt_;
    request.seed = seed;
    request.sim_task = 4;
    request.sim_options = std::move(options);
    return request;
  }

  std::unique_ptr<SimWorld> world_ = SmallWorld();
  policy::RenderedPrompt prompt_;
};

TEST_F(SimBackendTest, RefusesWhatIsNotATaskOfItsWorld) {
  SimBackend backend(*world_);
  std::vector<LlmRequest> requests(3, Request(1, {0, 0, 0, 0}));
  requests[0].sim_task = -1;
  requests[1].sim_options = {0, 0, 0, 5};
  const auto answers = backend.Answer(requests);
  EXPECT_THAT(answers[0], StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(answers[1], StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_TRUE(answers[2].ok());
  EXPECT_EQ(answers[2]->usage.llm_calls, 1);
}

TEST_F(SimBackendTest, AnswersAreAFunctionOfTheRequestAndItsSeed) {
  SimBackend backend(*world_);
  const auto ask = [&](uint64_t seed) {
    return backend.Answer({Request(seed, {1, 1, 2, 3})})[0]
        .value()
        .displayed_scores;
  };
  EXPECT_EQ(ask(1).size(), 10u);
  EXPECT_EQ(ask(1), ask(1));
  EXPECT_NE(ask(1), ask(2));
}

TEST_F(SimBackendTest, TakesAsLongAsItsRateSays) {
  std::vector<double> waits;
  SimBackend backend(*world_, {.rate = 100.0, .sleep = [&](double seconds) {
                                 waits.push_back(seconds);
                               }});
  backend.Answer(std::vector<LlmRequest>(5, Request(1, {0, 0, 0, 0})));
  EXPECT_THAT(waits, ::testing::ElementsAre(0.05));
}

TEST_F(SimBackendTest, GeneratedAnswersAreSometimesMalformed) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  prompt_.readout = policy::Readout::kGenerate;
  SimBackend backend(*world_);
  constexpr int kAnswers = 4000;
  for (int format = 0; format < 5; ++format) {
    int failed = 0, partial = 0;
    for (int seed = 0; seed < kAnswers; ++seed) {
      const auto answer = backend.Answer({Request(seed, {0, 0, 0, format})});
      const std::vector<std::string> titles(10, "?");
      const auto status =
          policy::ParseGenerated(answer[0]->text, titles,
                                 policy::Permutation::Identity(10))
              .status;
      failed += status == policy::ParseStatus::kFailed;
      partial += status == policy::ParseStatus::kPartial;
    }
    const OptionEffects& effects = world_->effects()[3][format];
    // Four standard errors of a share of at most 0.1.
    EXPECT_NEAR(failed / double{kAnswers}, effects.failed, 0.019);
    EXPECT_NEAR(partial / double{kAnswers}, effects.partial, 0.019);
  }
}

TEST(SimSettingTest, IsReadByName) {
  EXPECT_EQ(ParseSimSetting("easy").value(), SimSetting::kEasy);
  EXPECT_EQ(ParseSimSetting("paper").value(), SimSetting::kPaper);
  EXPECT_EQ(ParseSimSetting("adversarial").value(), SimSetting::kAdversarial);
  EXPECT_THAT(ParseSimSetting("hard"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace attune::trainer
