// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The real data, where scripts/setup.sh put it; skipped elsewhere.

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/revision.h"
#include "policy/status_macros.h"
#include "tests/testing/require_file.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/sample_dataset.h"
#include "trainer/baselines.h"
#include "trainer/environment.h"
#include "trainer/export.h"
#include "trainer/item_features.h"
#include "trainer/lightgcn.h"
#include "trainer/sasrec.h"
#include "trainer/statistics.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::MovieLensPath;

constexpr uint64_t kSeed = 1;

class MovieLensTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ATTUNE_REQUIRE_FILE(MovieLensPath() + ".inter");
    auto dataset = Dataset::Load({.path = MovieLensPath(), .seed = kSeed});
    ASSERT_THAT(dataset, IsOk());
    dataset_ = *std::move(dataset);
  }

  std::vector<Task> TestTasks(NegativeSampling negatives, int draws) const {
    const EnvironmentOptions options = {.negatives = negatives, .seed = kSeed};
    EXPECT_THAT(Environment::Check(dataset_, options), IsOk());
    const Environment environment(dataset_, options);
    std::vector<Task> tasks;
    int ordinal = 0;
    for (const int user : dataset_.UsersOf(UserSplit::kTest)) {
      for (int draw = 0; draw < draws; ++draw) {
        tasks.push_back(environment.MakeTask(user, draw, ordinal));
      }
      ++ordinal;
    }
    return tasks;
  }

  // A revision with the item table and agents that know nothing.
  static absl::StatusOr<std::shared_ptr<const policy::Revision>>
  UniformRevision(const ItemFeatures& features) {
    std::ifstream file(ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml");
    std::stringstream yaml;
    yaml << file.rdbuf();
    ExportSettings settings;
    ATTUNE_ASSIGN_OR_RETURN(settings.catalog,
                            policy::Catalog::Parse(yaml.str()));
    settings.encoder.recency_decay = kRecencyDecay;
    settings.encoder.ngram_buckets = 4096;
    settings.encoder.gru_hidden = 0;
    settings.items = &features;
    ATTUNE_ASSIGN_OR_RETURN(std::string artifact,
                            MakeRevision(settings, {}, {}));
    return policy::Revision::Load(std::move(artifact));
  }

  static double MeanNdcg(const Scorer& scorer, const std::vector<Task>& tasks) {
    std::vector<double> rewards;
    for (const Task& task : tasks) {
      const auto ranking = RankTask(scorer, task);
      EXPECT_THAT(ranking, IsOk());
      rewards.push_back(Reward(task, *ranking));
    }
    return Mean(rewards);
  }

  Dataset dataset_;
};

TEST_F(MovieLensTest, Loads) {
  EXPECT_EQ(dataset_.name, "ml-100k");
  EXPECT_EQ(dataset_.items.size(), 1682);
  EXPECT_EQ(dataset_.users.size(), 943);
  EXPECT_EQ(dataset_.items[0].title, "Toy Story (1995)");
  EXPECT_THAT(dataset_.items[0].genres,
              ::testing::ElementsAre("Animation", "Children's", "Comedy"));
  EXPECT_EQ(dataset_.UsersOf(UserSplit::kTest).size(), 189);
  EXPECT_EQ(dataset_.UsersOf(UserSplit::kValidation).size(), 189);
  size_t interactions = 0;
  for (const User& user : dataset_.users) {
    interactions += user.history.size() + user.targets.size();
  }
  EXPECT_EQ(interactions, 100000);
}

TEST_F(MovieLensTest, BaselinesScoreWhatTheyShould) {
  const auto random = MakeRandomScorer(kSeed);
  const auto popularity = MakePopularityScorer(dataset_);
  const auto knn = MakeItemKnnScorer(dataset_);
  const auto uniform = TestTasks(NegativeSampling::kUniform, 5);
  EXPECT_NEAR(MeanNdcg(*random, uniform), 0.454, 0.03);
  // Popularity is a shortcut past uniform negatives and none past honest ones.
  EXPECT_GT(MeanNdcg(*popularity, uniform), 0.62);
  const auto honest = TestTasks(NegativeSampling::kPopularity, 5);
  EXPECT_NEAR(MeanNdcg(*popularity, honest), 0.47, 0.05);
  EXPECT_GT(MeanNdcg(*knn, honest), 0.54);
}

TEST_F(MovieLensTest, SasRecBeatsPopularity) {
  const auto sasrec = TrainSasRec(dataset_, {.epochs = 15, .seed = kSeed});
  ASSERT_THAT(sasrec, IsOk());
  const auto honest = TestTasks(NegativeSampling::kPopularity, 5);
  EXPECT_GT(MeanNdcg(**sasrec, honest),
            MeanNdcg(*MakePopularityScorer(dataset_), honest) + 0.1);
}

TEST_F(MovieLensTest, HardNegativesAreHarder) {
  const auto knn = MakeItemKnnScorer(dataset_);
  EXPECT_LT(MeanNdcg(*knn, TestTasks(NegativeSampling::kHard, 1)),
            MeanNdcg(*knn, TestTasks(NegativeSampling::kPopularity, 1)) - 0.1);
}

TEST_F(MovieLensTest, LightGcnFoldedInBeatsItemKnn) {
  const auto embeddings = TrainLightGcn(dataset_, {.seed = kSeed});
  ASSERT_THAT(embeddings, IsOk());
  const auto features = BuildItemFeatures(dataset_, embeddings->items, {});
  ASSERT_THAT(features, IsOk());
  // Titles say something of tastes, and more than that people like films.
  EXPECT_GT(features->ngrams.cosine, features->ngrams.mean_cosine + 0.1);
  const std::vector<int> counts = dataset_.TrainCounts();
  EXPECT_EQ(features->strings[0].values.size(),
            static_cast<size_t>(std::count_if(counts.begin(), counts.end(),
                                              [](int n) { return n > 0; })));
  const auto honest = TestTasks(NegativeSampling::kPopularity, 5);
  const auto revision = UniformRevision(*features);
  ASSERT_THAT(revision, IsOk());
  const double lightgcn =
      MeanNdcg(*MakeFoldInScorer((*revision)->policy()), honest);
  RecordProperty("lightgcn_ndcg", std::to_string(lightgcn));
  EXPECT_GT(lightgcn, 0.62);
  EXPECT_GT(lightgcn, MeanNdcg(*MakeItemKnnScorer(dataset_), honest) + 0.02);
}

}  // namespace
}  // namespace attune::trainer
