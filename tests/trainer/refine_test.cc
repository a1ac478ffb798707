// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/refine.h"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/grown_catalog.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "trainer/llm_rewriter.h"
#include "trainer/pattern_advantage.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::attune::testing::TargetTask;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Code = absl::StatusCode;

constexpr uint64_t kSeed = 20261124;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

constexpr char kYaml[] = R"(name: two
domain: movies
frame:
  history_intro: "Watched:"
  candidates_intro: "To rank:"
  prior_prefix: "A film:"
  likelihood_lists_candidates: false
patterns:
  - name: history
    default: one
    options:
      - { id: one, length: 1 }
      - { id: two, length: 2 }
  - name: role
    default: plain
    options:
      - { id: plain, text: "You recommend movies to people." }
      - { id: none, text: "" }
)";
constexpr int kRole = 1;

class FakeRewriter final : public Rewriter {
 public:
  explicit FakeRewriter(absl::StatusOr<std::vector<std::string>> sentences)
      : sentences_(std::move(sentences)) {}
  absl::StatusOr<std::vector<std::string>> Rewrite(
      const RewriteRequest& request) override {
    asked.push_back(request);
    return sentences_;
  }
  std::string Model() const override { return "fake"; }
  std::string InstructionVersion() const override { return "fake-1"; }

  std::vector<RewriteRequest> asked;

 private:
  absl::StatusOr<std::vector<std::string>> sentences_;
};

std::string AllText(const LlmRequest& request) {
  std::string text;
  for (const policy::Message& message : request.prompt->messages) {
    text += message.Text();
  }
  return text;
}

// Finds the target if the prompt says "well", ranks it last if it says
// "badly", and goes by the displayed order otherwise.
std::vector<float> ByAdverb(const LlmRequest& request) {
  const std::string text = AllText(request);
  std::vector<float> scores;
  float place = 0.0F;
  for (const std::string& title : request.prompt->displayed_titles) {
    const bool target = absl::StartsWith(title, "Target");
    float score = -(++place);
    if (target && absl::StrContains(text, "well")) score = 1.0F;
    if (target && absl::StrContains(text, "badly")) score = -100.0F;
    scores.push_back(score);
  }
  return scores;
}

class RefineTest : public ::testing::Test {
 protected:
  RefineTest() : llm_(ByAdverb) {
    settings_.catalog = policy::Catalog::Parse(kYaml).value();
    settings_.items = &items_;
    settings_.encoder.embedding_dim = 2;
    settings_.encoder.gru_hidden = 0;
    items_.tensors = {
        {.name = "item_embeddings", .shape = {1, 2}, .values = {1.0F, 0.0F}},
        {.name = "item_popularity", .shape = {1}, .values = {1}}};
    items_.strings = {{.name = "item_ids", .values = {"x"}},
                      {.name = "item_titles", .values = {"X"}},
                      {.name = "item_genres", .values = {""}}};
    auto artifact = MakeRevision(settings_, {}, {});
    EXPECT_THAT(artifact, IsOk());
    revision_ = policy::Revision::Load(*std::move(artifact)).value();
    options_ = {.rewrites = 3, .calls = 60, .probe_tasks = 6, .seed = kSeed};
  }

  absl::StatusOr<Refinement> Run(Rewriter& rewriter) {
    return Refine({.revision = *revision_,
                   .settings = settings_,
                   .pattern = kRole,
                   .parent = 0,
                   .task = [](int i) { return TargetTask(i * 7); },
                   .backend =
                       [this](std::shared_ptr<const policy::Catalog>) {
                         return absl::StatusOr<LlmBackend*>(&llm_);
                       }},
                  rewriter, options_);
  }

  FakeLlm llm_;
  ItemFeatures items_;
  ExportSettings settings_;
  std::shared_ptr<const policy::Revision> revision_;
  RefineOptions options_;
};

TEST_F(RefineTest, ABetterSentenceJoinsAWorseOneDoesNot) {
  FakeRewriter rewriter({{"You recommend movies to people badly.",
                          "You recommend movies to people well."}});
  const auto refined = Run(rewriter);
  ASSERT_THAT(refined, IsOk());
  ASSERT_THAT(refined->rewrites, SizeIs(2));
  EXPECT_FALSE(refined->rewrites[0].joined);
  EXPECT_LT(refined->rewrites[0].reward, refined->rewrites[0].parent_reward);
  EXPECT_TRUE(refined->rewrites[1].joined);
  EXPECT_EQ(refined->rewrites[1].reward, 1.0);
  const policy::Pattern& role = refined->catalog->patterns[kRole];
  ASSERT_THAT(role.options, SizeIs(3));
  EXPECT_EQ(role.options[2].id, "plain_r1");
  EXPECT_EQ(role.options[2].text, "You recommend movies to people well.");
  const policy::Lineage& lineage = *role.options[2].lineage;
  EXPECT_EQ(lineage.parent, "plain");
  EXPECT_EQ(lineage.model, "fake");
  EXPECT_EQ(lineage.instruction, "fake-1");
  EXPECT_EQ(lineage.revision, revision_->id());
  EXPECT_EQ(lineage.reward, 1.0);
  EXPECT_EQ(lineage.tasks, refined->rewrites[1].tasks);
  EXPECT_NE(refined->catalog->digest, settings_.catalog->digest);
}

TEST_F(RefineTest, StaysWithinItsBudgetAndSaysWhatItSpent) {
  FakeRewriter rewriter({{"You recommend movies to people badly.",
                          "You recommend movies to people well.",
                          "You recommend movies to many people."}});
  for (const int calls : {12, 33, 60, 200}) {
    options_.calls = calls;
    const int before = llm_.calls();
    const auto refined = Run(rewriter);
    ASSERT_THAT(refined, IsOk());
    EXPECT_LE(refined->rankings, calls);
    EXPECT_EQ(refined->rankings, llm_.calls() - before);
  }
}

TEST_F(RefineTest, TrialsBecomeSamplesOfTheNewCatalog) {
  FakeRewriter rewriter({{"You recommend movies to people badly.",
                          "You recommend movies to people well."}});
  const auto refined = Run(rewriter);
  ASSERT_THAT(refined, IsOk());
  int of_new = 0, of_parent = 0;
  for (const Sample& sample : refined->samples) {
    ASSERT_THAT(sample.options, SizeIs(2));
    of_parent += sample.options[kRole] == 0;
    if (sample.options[kRole] == 2) {
      ++of_new;
      EXPECT_EQ(sample.reward, 1.0F);
    }
  }
  EXPECT_EQ(of_new, refined->rewrites[1].tasks);
  // The worse sentence's trials are of no option that is left.
  EXPECT_EQ(of_new + of_parent, static_cast<int>(refined->samples.size()));
  EXPECT_LT(static_cast<int64_t>(refined->samples.size()), refined->rankings);
}

TEST_F(RefineTest, TheRewriterSeesWhereTheTrueItemWasAndWhereItCame) {
  FakeRewriter rewriter({{"You recommend movies to people well."}});
  ASSERT_THAT(Run(rewriter), IsOk());
  ASSERT_THAT(rewriter.asked, SizeIs(1));
  const RewriteRequest& request = rewriter.asked[0];
  EXPECT_EQ(request.pattern, "role");
  EXPECT_EQ(request.sentence, "You recommend movies to people.");
  EXPECT_EQ(request.domain, "movies");
  EXPECT_EQ(request.count, 3);
  ASSERT_THAT(request.failures, SizeIs(3));
  for (const FailedCase& failure : request.failures) {
    // This LLM goes by the displayed order.
    EXPECT_EQ(failure.shown_at, failure.ranked_at);
    EXPECT_GT(failure.ranked_at, 1);
    EXPECT_EQ(failure.candidates, 10);
  }
  EXPECT_GE(request.failures[0].ranked_at, request.failures[1].ranked_at);
}

TEST_F(RefineTest, ARewriterThatFailsLeavesTheCatalogAlone) {
  FakeRewriter rewriter(absl::UnavailableError("connection refused"));
  const auto refined = Run(rewriter);
  ASSERT_THAT(refined, IsOk());
  EXPECT_THAT(refined->rewriter,
              StatusIs(Code::kUnavailable, HasSubstr("refused")));
  EXPECT_EQ(refined->catalog, revision_->policy().shared_catalog());
  EXPECT_EQ(refined->rankings, 6);
  EXPECT_THAT(refined->samples, SizeIs(6));
}

TEST_F(RefineTest, RefusedSentencesAreNamedAndCostNothing) {
  FakeRewriter rewriter({{"", "You recommend.\n\nMovies to people.",
                          "You recommend {items} to people.",
                          "You recommend Target 0 0 to people.",
                          "You recommend movies to people."}});
  const auto refined = Run(rewriter);
  ASSERT_THAT(refined, IsOk());
  std::vector<std::string> names;
  for (const Rewrite& rewrite : refined->rewrites) {
    ASSERT_TRUE(rewrite.refusal.has_value()) << rewrite.sentence;
    names.push_back(Name(*rewrite.refusal));
  }
  EXPECT_THAT(names,
              ElementsAre("empty", "essay", "slots", "title", "duplicate"));
  EXPECT_EQ(refined->rankings, 6);
  EXPECT_EQ(refined->catalog->digest, settings_.catalog->digest);
}

TEST_F(RefineTest, ASentenceSaidTwiceIsTriedOnce) {
  FakeRewriter rewriter({{"You recommend movies to people well.",
                          "You recommend movies to people well."}});
  const auto refined = Run(rewriter);
  ASSERT_THAT(refined, IsOk());
  EXPECT_TRUE(refined->rewrites[0].joined);
  EXPECT_EQ(refined->rewrites[1].refusal, LintRefusal::kDuplicate);
}

TEST_F(RefineTest, ASilentLlmIsAnError) {
  llm_ = FakeLlm(ByAdverb, [](int) { return absl::UnavailableError("down"); });
  FakeRewriter rewriter({{"You recommend movies to people well."}});
  EXPECT_THAT(Run(rewriter), StatusIs(Code::kUnavailable, HasSubstr("every")));
  EXPECT_THAT(rewriter.asked, IsEmpty());
}

// The parent saw 0.5, 0.5, 0.2 where the trial saw 0.7, NaN, 0.6: differences
// 0.2 and 0.4, mean 0.3, standard error sqrt(0.02) / sqrt(2) = 0.1.
TEST(CompareTest, GoesByTheTasksThatBothAnswered) {
  const Trial parent{.options = {0}, .rewards = {0.5, 0.5, 0.2, 0.9}};
  const Trial trial{.options = {1}, .rewards = {0.7, kNaN, 0.6}};
  const PairedComparison result = Compare(trial, parent);
  EXPECT_EQ(result.tasks, 2);
  EXPECT_NEAR(result.mean, 0.65, 1e-12);
  EXPECT_NEAR(result.parent_mean, 0.35, 1e-12);
  EXPECT_NEAR(result.standard_error, 0.1, 1e-12);
}

TEST(GrowAgentsTest, ANewOptionStartsWithItsParentsBias) {
  const auto old = policy::Catalog::Parse(kYaml).value();
  policy::AddedOption added;
  added.pattern = kRole;
  added.parent = 0;
  added.text = "You recommend movies well.";
  added.lineage = {
      .model = "m", .instruction = "i", .revision = "r", .tasks = 1};
  const auto grown = policy::GrowCatalog(*old, {added});
  ASSERT_THAT(grown, IsOk());
  const std::vector<policy::NamedTensor> agents = {
      {.name = "head.history.bias", .shape = {2, 1}, .values = {3, 4}},
      {.name = "head.role.bias", .shape = {2, 1}, .values = {5, 6}},
      {.name = "head.role.c1", .shape = {1, 1}, .values = {7}}};
  const auto result = GrowAgents(agents, *old, **grown);
  EXPECT_THAT(result[0].values, ElementsAre(3, 4));
  EXPECT_THAT(result[1].values, ElementsAre(5, 6, 5));
  EXPECT_THAT(result[1].shape, ElementsAre(3, 1));
  EXPECT_THAT(result[2].values, ElementsAre(7));
}

// Four samples of one pattern with two options, rewards 1, 1 and 0, 0. Centred
// columns (+-1/2), x'x = 1 for each and -1 across, x'y = +-1; with prior 1 the
// effects solve [2 -1; -1 2] e = [1; -1]: e = (1/3, -1/3).
TEST(MainEffectsTest, AreTheRidgeSolution) {
  policy::Catalog catalog;
  catalog.patterns.resize(1);
  catalog.patterns[0].options.resize(2);
  std::vector<Sample> samples(4);
  for (int i = 0; i < 4; ++i) {
    samples[i].options = {i / 2};
    samples[i].reward = i < 2 ? 1.0F : 0.0F;
  }
  const auto effects = MainEffects(catalog, samples, /*prior=*/1.0);
  EXPECT_NEAR(effects[0][0], 1.0 / 3.0, 1e-9);
  EXPECT_NEAR(effects[0][1], -1.0 / 3.0, 1e-9);
}

TEST(LlmRewriterTest, AsksForAnotherAngleEachTimeAndNamesNoTitle) {
  const RewriteRequest request{.pattern = "hint",
                               .kind = policy::PatternKind::kHint,
                               .sentence = "Others enjoyed {items}.",
                               .domain = "movies",
                               .failures = {{7, 9, 10}},
                               .count = 2};
  const policy::RenderedPrompt one = RewritePrompt(request, 0);
  EXPECT_EQ(one.readout, policy::Readout::kGenerate);
  ASSERT_THAT(one.messages, SizeIs(2));
  const std::string text = one.messages[1].Text();
  EXPECT_THAT(text, HasSubstr("Others enjoyed {items}."));
  EXPECT_THAT(text, HasSubstr("shown at place 7 of 10, was ranked 9."));
  EXPECT_THAT(text, HasSubstr("Keep {items}"));
  EXPECT_NE(one.CanonicalBytes(), RewritePrompt(request, 1).CanonicalBytes());
}

// Says one thing, or fails, call by call.
class Parrot final : public LlmBackend {
 public:
  explicit Parrot(std::vector<absl::StatusOr<std::string>> sayings)
      : sayings_(std::move(sayings)) {}
  std::vector<absl::StatusOr<LlmAnswer>> Answer(
      absl::Span<const LlmRequest> requests) override {
    std::vector<absl::StatusOr<LlmAnswer>> answers;
    for (size_t i = 0; i < requests.size(); ++i) {
      if (!sayings_[i].ok()) {
        answers.emplace_back(sayings_[i].status());
        continue;
      }
      LlmAnswer answer;
      answer.text = *sayings_[i];
      answers.emplace_back(std::move(answer));
    }
    return answers;
  }
  std::string Identity() const override { return "parrot"; }

 private:
  std::vector<absl::StatusOr<std::string>> sayings_;
};

TEST(LlmRewriterTest, KeepsWhatCameAndFailsOnlyIfNothingDid) {
  Parrot some(
      {std::string(" \"You rank.\"\n"), absl::UnavailableError("away")});
  LlmRewriter rewriter(some, "parrot");
  RewriteRequest request{.pattern = "role", .sentence = "Rank.", .count = 2};
  const auto sentences = rewriter.Rewrite(request);
  ASSERT_THAT(sentences, IsOk());
  EXPECT_THAT(*sentences, ElementsAre("You rank."));
  Parrot none({absl::UnavailableError("away"), absl::UnavailableError("away")});
  EXPECT_THAT(LlmRewriter(none, "parrot").Rewrite(request),
              StatusIs(Code::kUnavailable, HasSubstr("away")));
}

}  // namespace
}  // namespace attune::trainer
