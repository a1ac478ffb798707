// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/evaluate.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FakeLlm;
using ::attune::testing::FivePatterns;
using ::attune::testing::IsOk;
using ::attune::testing::ScoreTargets;
using ::attune::testing::StatusIs;
using ::attune::testing::TargetTask;
using ::attune::testing::TargetTasks;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

  Method Default() { return {"default", nullptr, DefaultPrompt(policy_)}; }
  Method Uniform() { return {"uniform", nullptr, UniformPrompt(policy_)}; }

  policy::Policy policy_;
  EvaluateOptions options_;
  double seconds_ = 0.0;
};

TEST_F(EvaluateTest, MeasuresEveryMethodOnTheSameTasks) {
  const auto random = MakeRandomScorer(kSeed);
  FakeLlm llm(ScoreTargets);
  const auto evaluation =
      Evaluate({{"random", random.get(), nullptr}, Default()}, TargetTasks(300),
               llm, options_);
  ASSERT_THAT(evaluation, IsOk());
  ASSERT_EQ(evaluation->methods.size(), 2);
  const MethodResult& chance = evaluation->methods[0];
  EXPECT_FALSE(chance.uses_llm);
  EXPECT_EQ(chance.usage.llm_calls, 0);
  EXPECT_NEAR(chance.ndcg.mean, 0.454, 0.05);
  EXPECT_LT(chance.ndcg.low, chance.ndcg.mean);
  EXPECT_GT(chance.ndcg.high, chance.ndcg.mean);
  const MethodResult& perfect = evaluation->methods[1];
  EXPECT_EQ(perfect.ndcg.low, 1.0);
  EXPECT_EQ(perfect.mrr.mean, 1.0);
  EXPECT_EQ(perfect.hit.mean, 1.0);
  EXPECT_EQ(perfect.normalised_ndcg, 1.0);
  EXPECT_EQ(perfect.usage.llm_calls, 300);
  EXPECT_EQ(perfect.usage.prompt_tokens, 30000);
  EXPECT_EQ(perfect.wall_seconds, 1.0);
  EXPECT_EQ(evaluation->num_users, 300);
}

// A fault is dropped and counted; it is not a 0 in the mean.
TEST_F(EvaluateTest, DropsAndCountsFaults) {
  FakeLlm llm(ScoreTargets, [](int call) {
    return call % 4 == 0 ? absl::UnavailableError("down") : absl::OkStatus();
  });
  const auto evaluation =
      Evaluate({Default()}, TargetTasks(100), llm, options_);
  ASSERT_THAT(evaluation, IsOk());
  const MethodResult& method = evaluation->methods[0];
  EXPECT_EQ(method.dropped, 25);
  EXPECT_EQ(method.ndcg.count, 75);
  EXPECT_EQ(method.ndcg.mean, 1.0);
  EXPECT_THAT(method.outcomes[0].status,
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("down")));
}

TEST_F(EvaluateTest, DropsAnswersWithTheWrongNumberOfScores) {
  FakeLlm llm([](const LlmRequest&) { return std::vector<float>{1.0F}; });
  const auto evaluation = Evaluate({Default()}, TargetTasks(5), llm, options_);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_EQ(evaluation->methods[0].dropped, 5);
  EXPECT_EQ(evaluation->methods[0].ndcg.count, 0);
}

TEST_F(EvaluateTest, ComparesOnTasksThatBothHave) {
  // The default prompt fails on even tasks and is right on odd ones; the
  // uniform prompt is right on even tasks and indifferent on odd ones.
  FakeLlm llm(
      [](const LlmRequest& request) {
        const bool is_default =
            std::all_of(request.sim_options.begin(), request.sim_options.end(),
                        [](int option) { return option == 0; });
        return is_default ? ScoreTargets(request) : Indifferent(request);
      },
      [](int call) {
        return call < 50 && call % 2 == 0 ? absl::UnavailableError("down")
                                          : absl::OkStatus();
      });
  const auto evaluation =
      Evaluate({Default(), Uniform()}, TargetTasks(50), llm, options_);
  ASSERT_THAT(evaluation, IsOk());
  ASSERT_EQ(evaluation->differences.size(), 2);
  const Difference& difference = evaluation->differences[0];
  EXPECT_EQ(difference.method, "uniform");
  EXPECT_EQ(difference.baseline, "default");
  EXPECT_EQ(difference.ndcg.count, 25);
  EXPECT_LT(difference.ndcg.high, 0.0);
  EXPECT_EQ(evaluation->differences[1].ndcg.mean, -difference.ndcg.mean);
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
  const auto evaluation =
      Evaluate({{"default", nullptr, DefaultPrompt(generate)}}, TargetTasks(10),
               llm, options_);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_EQ(evaluation->methods[0].failed_parses, 5);
  EXPECT_EQ(evaluation->methods[0].partial_parses, 5);
  EXPECT_EQ(evaluation->methods[0].dropped, 0);
  EXPECT_EQ(evaluation->methods[0].ndcg.count, 10);
}

TEST_F(EvaluateTest, CountsUsersNotDraws) {
  std::vector<Task> tasks;
  for (int draw = 0; draw < 4; ++draw) {
    for (int user = 0; user < 20; ++user) {
      tasks.push_back(TargetTask(20 * draw + user));
      tasks.back().user = user;
    }
  }
  FakeLlm llm(Random);
  const auto evaluation = Evaluate({Default()}, tasks, llm, options_);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_EQ(evaluation->num_tasks, 80);
  EXPECT_EQ(evaluation->num_users, 20);
  EXPECT_EQ(evaluation->methods[0].ndcg.count, 20);
}

TEST_F(EvaluateTest, SendsBatchesAndSaysHowFarItIs) {
  FakeLlm llm(ScoreTargets);
  options_.run.batch_size = 8;
  std::vector<int> done;
  options_.progress = [&](const std::string& method, int count) {
    EXPECT_EQ(method, "default");
    done.push_back(count);
  };
  ASSERT_THAT(Evaluate({Default()}, TargetTasks(20), llm, options_), IsOk());
  EXPECT_EQ(llm.largest_batch(), 8);
  EXPECT_THAT(done, ElementsAre(0, 8, 16, 20));
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
  EXPECT_EQ(llm.calls(), 0);
}

TEST_F(EvaluateTest, ReportsForPeopleAndPrograms) {
  FakeLlm llm(ScoreTargets);
  const auto evaluation =
      Evaluate({Default(), Uniform()}, TargetTasks(20), llm, options_);
  ASSERT_THAT(evaluation, IsOk());
  EXPECT_THAT(ToTable(*evaluation),
              HasSubstr("default      1.000 [1.000, 1.000]"));
  const auto json = nlohmann::json::parse(ToJson(*evaluation));
  EXPECT_EQ(json["users"], 20);
  EXPECT_EQ(json["methods"][1]["name"], "uniform");
  EXPECT_EQ(json["methods"][1]["ndcg_at_10"]["mean"], 1.0);
  EXPECT_EQ(json["methods"][1]["llm_calls"], 20);
  EXPECT_EQ(json["differences"][0]["baseline"], "default");
  EXPECT_EQ(json["differences"][0]["ndcg_at_10"]["high"], 0.0);
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
