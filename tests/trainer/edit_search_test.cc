// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/edit_search.h"

#include <algorithm>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "trainer/chooser.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::FivePatterns;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::attune::testing::TargetTasks;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 3;

// Ranks the target better the more options are as in `best`.
FakeLlm::Scores Likes(FixedOptions best) {
  return [best = std::move(best)](const LlmRequest& request) {
    int right = 0;
    for (size_t k = 0; k < best.size(); ++k) {
      right += request.sim_options[k] == best[k] ? 1 : 0;
    }
    // `right` * 2 of the other candidates stay below the target.
    std::vector<float> scores;
    int below = 2 * right;
    for (const std::string& title : request.prompt->displayed_titles) {
      if (title.starts_with("Target")) {
        scores.push_back(0.5F);
      } else {
        scores.push_back(below-- > 0 ? 0.0F : 1.0F);
      }
    }
    return scores;
  };
}

class EditSearchTest : public ::testing::Test {
 protected:
  EditSearchTest()
      : policy_(policy::Policy::Uniform(FivePatterns(),
                                        policy::Readout::kLikelihood)) {}
  policy::Policy policy_;
};

TEST_F(EditSearchTest, FindsTheBestPromptStepByStep) {
  FakeLlm llm(Likes({2, 1, 0, 2, 1}));
  const auto result =
      SearchByEdits(policy_, llm, TargetTasks(40),
                    {.budget = 1600, .tasks = 8, .seed = kSeed});
  ASSERT_THAT(result, IsOk());
  EXPECT_THAT(result->best, ElementsAre(2, 1, 0, 2, 1));
  EXPECT_EQ(result->mean, 1.0);
  EXPECT_GE(result->accepted, 3);
}

TEST_F(EditSearchTest, SpendsItsBudgetAndNoMore) {
  FakeLlm llm(Likes({2, 1, 0, 2, 1}));
  const auto result = SearchByEdits(policy_, llm, TargetTasks(40),
                                    {.budget = 300, .seed = kSeed});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->llm_rankings, llm.calls());
  EXPECT_LE(llm.calls(), 300);
  EXPECT_GE(llm.calls(), 190);
}

TEST_F(EditSearchTest, StaysWithTheDefaultWhereNothingHelps) {
  FakeLlm llm(Likes({0, 0, 0, 0, 0}));
  const auto result = SearchByEdits(policy_, llm, TargetTasks(40),
                                    {.budget = 600, .seed = kSeed});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->best, DefaultOptions(policy_.catalog()));
  EXPECT_EQ(result->accepted, 0);
}

TEST_F(EditSearchTest, RefusesABudgetBelowOneIteration) {
  FakeLlm llm(Likes({0, 0, 0, 0, 0}));
  EXPECT_THAT(
      SearchByEdits(policy_, llm, TargetTasks(40),
                    {.budget = 47, .seed = kSeed}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("budget")));
  EXPECT_THAT(SearchByEdits(policy_, llm, {}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(llm.calls(), 0);
}

TEST_F(EditSearchTest, SaysWhenTheLlmIsDown) {
  FakeLlm llm(Likes({0, 0, 0, 0, 0}),
              [](int) { return absl::UnavailableError("down"); });
  EXPECT_THAT(SearchByEdits(policy_, llm, TargetTasks(40), {}),
              StatusIs(absl::StatusCode::kUnavailable));
}

// In FivePatterns the hint's option 0 is its empty one; other patterns have
// none.
TEST(ApplyEditTest, EditsAreOfTheirKind) {
  const auto catalog = FivePatterns();
  EXPECT_EQ(EmptyOption(catalog->patterns[0]), -1);
  EXPECT_EQ(EmptyOption(catalog->patterns[1]), 0);
  policy::Rng rng(kSeed);
  const FixedOptions plain = {0, 0, 0, 0, 0};
  const FixedOptions hinted = {0, 2, 0, 0, 0};
  EXPECT_EQ(ApplyEdit(*catalog, plain, Edit::kDelete, rng), std::nullopt);
  EXPECT_EQ(ApplyEdit(*catalog, plain, Edit::kSwap, rng), std::nullopt);
  EXPECT_EQ(ApplyEdit(*catalog, hinted, Edit::kAdd, rng), std::nullopt);
  EXPECT_EQ(ApplyEdit(*catalog, hinted, Edit::kDelete, rng), plain);
  for (int i = 0; i < 30; ++i) {
    EXPECT_NE((*ApplyEdit(*catalog, plain, Edit::kAdd, rng))[1], 0);
    EXPECT_NE((*ApplyEdit(*catalog, hinted, Edit::kReplace, rng))[1], 0);
    const FixedOptions swapped = *ApplyEdit(*catalog, hinted, Edit::kSwap, rng);
    EXPECT_EQ(swapped[1], 0);
    EXPECT_EQ(std::count(swapped.begin(), swapped.end(), 0), 4);
  }
}

}  // namespace
}  // namespace attune::trainer
