// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What the numbers of trainer/sim_options.h come to in NDCG@10, averaged over ten
// worlds of the movies catalog; printed, and held to the ranges that
// docs/trainer.md states.

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "policy/random.h"
#include "trainer/files.h"
#include "trainer/sim_score.h"
#include "trainer/sim_world.h"

namespace attune::trainer {
namespace {

constexpr int kSeeds = 10;

struct Measured {
  double uniform = 0.0, best_fixed = 0.0, optimum = 0.0, share = 0.0;
  // Deviations in NDCG@10 of an option's effect: main ones of sentences and of
  // hints, personal ones of sentences.
  double main = 0.0, hint = 0.0, personal = 0.0;
  // Deviation of one NDCG@10 given user and choice, its mean error against the
  // exact expectation, and the task's share of its variance.
  double noise = 0.0, bias = 0.0, task_share = 0.0;
  // Of the optimum if every sentence had two of its hidden better phrases.
  double with_phrases = 0.0;
};

policy::Catalog ReadCatalog(const std::string& name) {
  return *policy::Catalog::Parse(
              ReadFile(ATTUNE_SOURCE_DIR "/policy/catalogs/" + name + ".yaml")
                  .value())
              .value();
}

std::vector<int> RandomChoice(const SimWorld& world, policy::Rng& rng) {
  std::vector<int> choice;
  for (const auto& pattern : world.effects()) {
    choice.push_back(static_cast<int>(rng.Below(pattern.size())));
  }
  return choice;
}

double RewardOf(const SimWorld& world, const Task& task,
                const std::vector<int>& choice, uint64_t seed) {
  const auto place = *world.PlaceOf(task.sim_task);
  const auto scores = world.Answer(place, choice, seed).scores;
  int rank = 1;
  for (const float score : scores)
    rank += score > scores[place.target_position];
  return policy::NdcgAt(10, rank);
}

// Deviation of the main, and mean square of the personal effects.
void AddEffects(const SimWorld& world, const policy::Catalog& catalog,
                Measured& sum) {
  const double base = world.options().base_quality;
  const double slope = (world.reward().Expected(base + 0.25) -
                        world.reward().Expected(base - 0.25)) /
                       0.5;
  double main = 0.0, hint = 0.0, personal = 0.0;
  int sentences = 0;
  for (size_t k = 0; k < catalog.patterns.size(); ++k) {
    const auto& options = world.effects()[k];
    const auto n = static_cast<double>(options.size());
    double mean = 0.0, squares = 0.0, personal_squares = 0.0;
    for (const OptionEffects& option : options) mean += option.main / n;
    for (const OptionEffects& option : options) {
      squares += std::pow(option.main - mean, 2) / (n - 1.0);
      personal_squares += option.personal.squaredNorm() / n;
    }
    if (catalog.patterns[k].kind == policy::PatternKind::kHint) {
      hint = squares;
    } else {
      main += squares;
      personal += personal_squares;
      ++sentences;
    }
  }
  sum.main += slope * std::sqrt(main / sentences) / kSeeds;
  sum.personal += slope * std::sqrt(personal / sentences) / kSeeds;
  sum.hint += slope * std::sqrt(hint) / kSeeds;
}

void AddNoise(const SimWorld& world, uint64_t seed, Measured& sum) {
  constexpr int kPairs = 1500;
  policy::Rng rng(seed, 1);
  double squares = 0.0, products = 0.0, errors = 0.0;
  for (int i = 0; i < kPairs; ++i) {
    const auto user = static_cast<int>(rng.Below(world.num_users()));
    const Task task = world.MakeTask(user, i, static_cast<int>(rng.Below(10)));
    const std::vector<int> choice = RandomChoice(world, rng);
    const double expected = world.ExpectedReward(user, choice);
    const double one = RewardOf(world, task, choice, 2 * i) - expected;
    const double other = RewardOf(world, task, choice, 2 * i + 1) - expected;
    squares += (one * one + other * other) / 2.0;
    products += one * other;
    errors += (one + other) / 2.0;
  }
  sum.noise += std::sqrt(squares / kPairs) / kSeeds;
  sum.task_share += products / squares / kSeeds;
  sum.bias += errors / kPairs / kSeeds;
}

void AddBounds(SimWorld& world, const policy::Catalog& catalog, Measured& sum) {
  const std::vector<int> users = world.HeldOutUsers();
  const SimBounds bounds = BoundsOf(world, users);
  sum.uniform += bounds.uniform / kSeeds;
  sum.best_fixed += bounds.best_fixed / kSeeds;
  sum.optimum += bounds.optimum / kSeeds;
  sum.share += bounds.Normalised(bounds.best_fixed) / kSeeds;
  policy::Catalog better = catalog;
  for (policy::Pattern& pattern : better.patterns) {
    const std::vector<int> phrases = world.phrases().Better(pattern.name);
    if (phrases.empty()) continue;
    for (policy::Option& option : pattern.options) {
      for (int i = 0; i < SimPhrases::kMostThatHelp; ++i) {
        option.text += " ";
        option.text += SimPhrases::Vocabulary()[phrases[i]];
      }
    }
  }
  world.SetCatalog(better);
  sum.with_phrases +=
      bounds.Normalised(BoundsOf(world, users).optimum) / kSeeds;
}

Measured Measure(SimSetting setting, const std::string& name) {
  const policy::Catalog catalog = ReadCatalog(name);
  Measured sum;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimWorld world(SimSettingOptions(setting, seed), catalog);
    AddEffects(world, catalog, sum);
    AddNoise(world, seed, sum);
    AddBounds(world, catalog, sum);
  }
  std::printf(
      "%-12s uniform %.3f, best fixed %.3f (%.3f of the way), optimum %.3f, "
      "with better phrases %.3f\n  effects: main %.3f, hints %.3f, personal "
      "%.3f; noise %.3f, of the task %.2f; error of the expectation %.4f\n",
      name.c_str(), sum.uniform, sum.best_fixed, sum.share, sum.optimum,
      sum.with_phrases, sum.main, sum.hint, sum.personal, sum.noise,
      sum.task_share, sum.bias);
  return sum;
}

void ExpectPaper(const Measured& measured) {
  EXPECT_NEAR(measured.main, 0.030, 0.008);
  EXPECT_NEAR(measured.personal, 0.036, 0.008);
  EXPECT_GE(measured.noise, 0.20);
  EXPECT_LE(measured.noise, 0.25);
  EXPECT_NEAR(measured.task_share, 0.42, 0.07);
  EXPECT_GE(measured.share, 0.5);
  EXPECT_LE(measured.share, 0.72);
  EXPECT_GE(measured.with_phrases, 1.3);
  // 30,000 answers: 4 standard errors.
  EXPECT_NEAR(measured.bias, 0.0, 0.006);
}

TEST(SimCalibrationTest, PaperHasEffectsAndNoiseOfRealLlms) {
  const Measured measured = Measure(SimSetting::kPaper, "movies");
  ExpectPaper(measured);
  EXPECT_NEAR(measured.hint, 0.047, 0.012);
}

TEST(SimCalibrationTest, PaperSuitsTheCatalogOfFourPatternsToo) {
  ExpectPaper(Measure(SimSetting::kPaper, "movies_paper"));
}

TEST(SimCalibrationTest, AdversarialHasNothingPersonalAndThePapersMainEffects) {
  const Measured measured = Measure(SimSetting::kAdversarial, "movies");
  EXPECT_EQ(measured.personal, 0.0);
  EXPECT_NEAR(measured.best_fixed, measured.optimum, 1e-12);
  EXPECT_NEAR(measured.main, 0.030, 0.008);
  EXPECT_GE(measured.noise, 0.20);
}

TEST(SimCalibrationTest, EasyHasTwiceTheEffects) {
  const Measured measured = Measure(SimSetting::kEasy, "movies");
  EXPECT_GE(measured.main, 0.05);
  EXPECT_GE(measured.personal, 0.05);
}

}  // namespace
}  // namespace attune::trainer
