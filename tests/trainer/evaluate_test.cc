// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/evaluate.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "trainer/study.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::FivePatterns;
using ::attune::testing::IsOk;
using ::attune::testing::ScoreTargets;
using ::attune::testing::StatusIs;
using ::attune::testing::TargetTasks;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 17;

std::vector<float> Indifferent(const LlmRequest& request) {
  return std::vector<float>(request.prompt->displayed_titles.size(), 0.0F);
}

// Random, but the same for the same request.
std::vector<float> Random(const LlmRequest& request) {
  policy::Rng rng(request.seed);
  std::vector<float> scores;
  for (size_t i = 0; i < request.prompt->displayed_titles.size(); ++i) {
    scores.push_back(rng.UnitFloat());
  }
  return scores;
}

double MeanNdcg(const PromptRun& run) {
  double sum = 0.0;
  for (const Outcome& outcome : run.outcomes) {
    sum += policy::NdcgAt(10, outcome.rank);
  }
  return sum / static_cast<double>(run.outcomes.size());
}

class ReadoutTest : public ::testing::TestWithParam<policy::Readout> {
 protected:
  ReadoutTest()
      : policy_(policy::Policy::Uniform(FivePatterns(), GetParam())) {}
  policy::Policy policy_;
};

INSTANTIATE_TEST_SUITE_P(All, ReadoutTest,
                         ::testing::Values(policy::Readout::kGenerate,
                                           policy::Readout::kLabels,
                                           policy::Readout::kLikelihood));

// Issue: a perfect ranker scores exactly 1.0 through every readout.
TEST_P(ReadoutTest, PerfectRankerScoresOne) {
  FakeLlm llm(ScoreTargets);
  const auto run =
      RunPrompts(llm, UniformPrompt(policy_), TargetTasks(200), {});
  ASSERT_THAT(run, IsOk());
  for (const Outcome& outcome : run->outcomes) {
    EXPECT_EQ(outcome.rank, 1);
    EXPECT_EQ(outcome.parse, policy::ParseStatus::kComplete);
  }
  EXPECT_EQ(MeanNdcg(*run), 1.0);
}

// Issue: a random one 0.454 +- 0.01 over 10,000 users.
TEST_P(ReadoutTest, RandomRankerScoresChance) {
  FakeLlm llm(Random);
  const auto run =
      RunPrompts(llm, DefaultPrompt(policy_), TargetTasks(10000), {});
  ASSERT_THAT(run, IsOk());
  EXPECT_NEAR(MeanNdcg(*run), 0.454, 0.01);
}

// Positions are stratified, so that always the same order scores chance too.
TEST_P(ReadoutTest, RankerThatRepeatsTheDisplayedOrderScoresChance) {
  FakeLlm llm(Indifferent);
  const auto run =
      RunPrompts(llm, DefaultPrompt(policy_), TargetTasks(100), {});
  ASSERT_THAT(run, IsOk());
  EXPECT_NEAR(MeanNdcg(*run), policy::RandomNdcgAt(10, 10), 1e-9);
}

class EvaluateTest : public ::testing::Test {
 protected:
  EvaluateTest()
      : policy_(policy::Policy::Uniform(FivePatterns(),
                                        policy::Readout::kLikelihood)) {
    options_.run.seed = kSeed;
    options_.clock = [this] { return seconds_ += 1.0; };
  }

  Method Default() {
    return {.name = "default", .choosers = {DefaultPrompt(policy_)}};
  }
  Method Uniform() {
    return {.name = "uniform", .choosers = {UniformPrompt(policy_)}};
  }
  // What the report says of the only method.
  MethodSummary Measured(const Method& method, absl::Span<const Task> tasks,
                         LlmBackend& llm) {
    const auto runs = Evaluate({method}, tasks, llm, options_);
    EXPECT_THAT(runs, IsOk());
    return runs.ok() ? Summarise(tasks, (*runs)[0], kSeed) : MethodSummary();
  }

  policy::Policy policy_;
  EvaluateOptions options_;
  double seconds_ = 0.0;
};

TEST_F(EvaluateTest, ScorersAskNoLlm) {
  const auto random = MakeRandomScorer(kSeed);
  FakeLlm llm(ScoreTargets);
  const MethodSummary summary = Measured(
      {.name = "random", .kind = MethodKind::kScorer, .scorer = random.get()},
      TargetTasks(300), llm);
  EXPECT_EQ(summary.cost.llm_calls, 0);
  EXPECT_EQ(llm.calls(), 0);
  const Interval& ndcg = summary.slices[0].ndcg_at_10;
  EXPECT_NEAR(ndcg.mean, 0.454, 0.05);
  EXPECT_LT(ndcg.low, ndcg.mean);
  EXPECT_GT(ndcg.high, ndcg.mean);
}

TEST_F(EvaluateTest, APerfectPromptIsPerfectInEveryMetric) {
  FakeLlm llm(ScoreTargets);
  const MethodSummary summary = Measured(Default(), TargetTasks(300), llm);
  const SliceMetrics& all = summary.slices[0];
  EXPECT_EQ(all.ndcg_at_10.low, 1.0);
  EXPECT_EQ(all.ndcg_at_5.mean, 1.0);
  EXPECT_EQ(all.ndcg_at_1.mean, 1.0);
  EXPECT_EQ(all.mrr.mean, 1.0);
  EXPECT_EQ(all.hit_at_1.mean, 1.0);
  EXPECT_EQ(all.normalised_ndcg, 1.0);
  EXPECT_EQ(all.users, 300);
  EXPECT_EQ(summary.cost.llm_calls, 300);
  EXPECT_EQ(summary.cost.prompt_tokens, 30000);
  EXPECT_EQ(summary.cost.wall_seconds, 1.0);
}

// A fault is dropped and counted; it is not a 0 in the mean.
TEST_F(EvaluateTest, DropsAndCountsFaults) {
  FakeLlm llm(ScoreTargets, [](int call) {
    return call % 4 == 0 ? absl::UnavailableError("down") : absl::OkStatus();
  });
  const MethodSummary summary = Measured(Default(), TargetTasks(100), llm);
  EXPECT_EQ(summary.cost.dropped, 25);
  EXPECT_EQ(summary.slices[0].users, 75);
  EXPECT_EQ(summary.slices[0].ndcg_at_10.mean, 1.0);
}

TEST_F(EvaluateTest, DropsAnswersWithTheWrongNumberOfScores) {
  FakeLlm llm([](const LlmRequest&) { return std::vector<float>{1.0F}; });
  const MethodSummary summary = Measured(Default(), TargetTasks(5), llm);
  EXPECT_EQ(summary.cost.dropped, 5);
  EXPECT_EQ(summary.slices[0].users, 0);
}

TEST_F(EvaluateTest, RepairedAnswersAreCountedApart) {
  const policy::Policy generate =
      policy::Policy::Uniform(FivePatterns(), policy::Readout::kGenerate);
  class Mute : public LlmBackend {
   public:
    std::vector<absl::StatusOr<LlmAnswer>> Answer(
        absl::Span<const LlmRequest> requests) override {
      std::vector<absl::StatusOr<LlmAnswer>> answers;
      for (size_t i = 0; i < requests.size(); ++i) {
        LlmAnswer answer;
        answer.text = i % 2 == 0 ? "I cannot say" : "B\nA";
        answers.emplace_back(answer);
      }
      return answers;
    }
    std::string Identity() const override { return "mute"; }
  } llm;
  const MethodSummary summary =
      Measured({.name = "default", .choosers = {DefaultPrompt(generate)}},
               TargetTasks(10), llm);
  EXPECT_EQ(summary.cost.failed_parses, 5);
  EXPECT_EQ(summary.cost.partial_parses, 5);
  EXPECT_EQ(summary.cost.dropped, 0);
  EXPECT_EQ(summary.slices[0].users, 10);
}

// Every seed of a method is measured on all tasks, and counted.
TEST_F(EvaluateTest, RunsEverySeed) {
  FakeLlm llm(ScoreTargets);
  std::vector<int> done;
  options_.run.batch_size = 8;
  options_.progress = [&](const std::string& method, int count, int total) {
    EXPECT_EQ(method, "fixed");
    EXPECT_EQ(total, 24);
    done.push_back(count);
  };
  const std::vector<Task> tasks = TargetTasks(12);
  const auto runs =
      Evaluate({{.name = "fixed",
                 .choosers = {FixedPrompt(policy_, {0, 0, 0, 0, 0}),
                              FixedPrompt(policy_, {1, 1, 1, 1, 1})}}},
               tasks, llm, options_);
  ASSERT_THAT(runs, IsOk());
  ASSERT_EQ((*runs)[0].outcomes.size(), 2);
  EXPECT_THAT((*runs)[0].outcomes[1][0].options, ElementsAre(1, 1, 1, 1, 1));
  EXPECT_EQ((*runs)[0].cost.llm_calls, 24);
  EXPECT_EQ(llm.largest_batch(), 8);
  EXPECT_THAT(done, ElementsAre(0, 8, 12, 12, 20, 24));
}

// Every method shows a user the same displayed order.
TEST_F(EvaluateTest, SameSeedGivesTheSamePrompts) {
  FakeLlm first(ScoreTargets);
  FakeLlm again(ScoreTargets);
  const std::vector<Task> tasks = TargetTasks(30);
  ASSERT_THAT(Evaluate({Uniform()}, tasks, first, options_), IsOk());
  ASSERT_THAT(Evaluate({Uniform()}, tasks, again, options_), IsOk());
  EXPECT_EQ(first.prompts(), again.prompts());
  options_.run.seed = kSeed + 1;
  FakeLlm other(ScoreTargets);
  ASSERT_THAT(Evaluate({Uniform()}, tasks, other, options_), IsOk());
  EXPECT_NE(first.prompts(), other.prompts());
}

// Task i gets what was chosen for its source; without one it is left out and
// asks nothing.
TEST_F(EvaluateTest, ShufflesChoicesBetweenTasks) {
  FakeLlm llm(ScoreTargets);
  Method method = Uniform();
  method.kind = MethodKind::kLearner;
  method.policies = {&policy_};
  const std::vector<Task> tasks = TargetTasks(3);
  const auto runs = Evaluate({method}, tasks, llm, options_);
  ASSERT_THAT(runs, IsOk());
  const int before = llm.calls();
  const auto shuffled =
      RunShuffled((*runs)[0], {1, 0, -1}, tasks, llm, options_);
  ASSERT_THAT(shuffled, IsOk());
  EXPECT_EQ(shuffled->outcomes[0][0].options,
            (*runs)[0].outcomes[0][1].options);
  EXPECT_EQ(shuffled->outcomes[0][1].options,
            (*runs)[0].outcomes[0][0].options);
  EXPECT_EQ(shuffled->outcomes[0][2].rank, 0);
  EXPECT_EQ(shuffled->cost.llm_calls, 2);
  EXPECT_EQ(shuffled->cost.dropped, 0);
  EXPECT_EQ(llm.calls() - before, 2);
}

TEST_F(EvaluateTest, RefusesInputThatCannotBeCompared) {
  FakeLlm llm(ScoreTargets);
  EXPECT_THAT(
      Evaluate({Default()}, {}, llm, options_),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tasks: empty")));
  std::vector<Task> tasks = TargetTasks(2);
  tasks[1].candidates.pop_back();
  EXPECT_THAT(Evaluate({Default()}, tasks, llm, options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("number of candidates")));
  EXPECT_THAT(
      Evaluate({Method{.name = "none"}}, TargetTasks(2), llm, options_),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("methods[0]")));
  Method method = Default();
  method.policies = {&policy_, &policy_};
  EXPECT_THAT(Evaluate({method}, TargetTasks(2), llm, options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("as many policies")));
  EXPECT_EQ(llm.calls(), 0);
}

TEST(ChooserTest, FixedPromptRefusesUnknownOptions) {
  const policy::Policy policy =
      policy::Policy::Uniform(FivePatterns(), policy::Readout::kLikelihood);
  FakeLlm llm(ScoreTargets);
  EXPECT_THAT(
      RunPrompts(llm, FixedPrompt(policy, {0, 0, 0, 0, 3}), TargetTasks(1), {}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("format")));
}

TEST(ChooserTest, UniformPromptTriesEveryOptionEquallyOften) {
  const policy::Policy policy =
      policy::Policy::Uniform(FivePatterns(), policy::Readout::kLikelihood);
  FakeLlm llm(ScoreTargets);
  const auto run =
      RunPrompts(llm, UniformPrompt(policy), TargetTasks(1500), {});
  ASSERT_THAT(run, IsOk());
  for (int pattern = 0; pattern < 5; ++pattern) {
    std::vector<int> counts(3, 0);
    for (const Outcome& outcome : run->outcomes) {
      ++counts[outcome.options[pattern]];
    }
    for (const int count : counts) EXPECT_NEAR(count, 500, 80);
  }
}

}  // namespace
}  // namespace attune::trainer
