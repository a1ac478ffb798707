// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What becomes of tasks when the LLM's endpoint misbehaves: from the wire to the
// outcome that a reward would be made of.

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fault_http_server.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/fake_llm.h"
#include "trainer/openai_backend.h"
#include "trainer/prompt_run.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FaultHttpServer;
using ::attune::testing::HangReply;
using ::attune::testing::HttpReplyBytes;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::attune::testing::TargetTask;
using ::attune::testing::TargetTasks;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;

constexpr char kSecret[] = "SECRET";

std::string Says(const std::string& text) {
  const nlohmann::json body = {
      {"choices", {{{"message", {{"content", text}}}}}},
      {"usage", {{"prompt_tokens", 20}, {"completion_tokens", 5}}}};
  return HttpReplyBytes(200, body.dump());
}

// Labels by displayed position, best first.
std::string Labels(const std::vector<int>& positions) {
  std::string text;
  for (const int position : positions) text += policy::Label(position) + "\n";
  return text;
}

absl::StatusOr<PromptRun> AskAll(const std::string& url,
                                 absl::Span<const Task> tasks,
                                 int timeout_ms = 20000) {
  OpenAiOptions options;
  options.url = url;
  options.chat.model = "test";
  options.retry.max_attempts = 2;
  options.retry.max_malformed = 1;
  options.retry.base = std::chrono::milliseconds(1);
  options.retry.max_wait = std::chrono::milliseconds(2);
  options.http.timeout = std::chrono::milliseconds(timeout_ms);
  auto backend = OpenAiBackend::Create(options);
  if (!backend.ok()) return backend.status();
  const policy::Policy policy = policy::Policy::Uniform(
      testing::FivePatterns(), policy::Readout::kGenerate);
  return RunPrompts(**backend, DefaultPrompt(policy), tasks, {});
}

struct Fault {
  const char* name;
  std::string reply;
  Code code;
  const char* message;
};

const std::vector<Fault>& Faults() {
  static const auto* const kFaults = new std::vector<Fault>{
      {"Dropped", "", Code::kUnavailable, "LLM endpoint: "},
      {"Slow", HangReply(), Code::kDeadlineExceeded, "LLM endpoint: timed out"},
      {"Http429", HttpReplyBytes(429, kSecret), Code::kUnavailable,
       "LLM endpoint: answered HTTP 429"},
      {"Http500", HttpReplyBytes(500, kSecret), Code::kUnavailable,
       "LLM endpoint: answered HTTP 500"},
      {"Html", HttpReplyBytes(200, "<html>SECRET</html>"), Code::kDataLoss,
       "LLM endpoint's answer: is not JSON in UTF-8"},
      {"HalfJson", HttpReplyBytes(200, R"({"choices":[{"message":"SECRET)"),
       Code::kDataLoss, "LLM endpoint's answer: is not JSON in UTF-8"}};
  return *kFaults;
}

class LlmFaultsTest : public ::testing::TestWithParam<Fault> {};

TEST_P(LlmFaultsTest, DropTheTaskAndAreNoRank) {
  FaultHttpServer server({GetParam().reply});
  const auto tasks = TargetTasks(3);
  const auto run =
      AskAll(server.url(), tasks, GetParam().reply == HangReply() ? 50 : 20000);
  ASSERT_THAT(run, IsOk());
  ASSERT_EQ(run->outcomes.size(), 3U);
  for (const Outcome& outcome : run->outcomes) {
    EXPECT_EQ(outcome.rank, 0);
    EXPECT_TRUE(outcome.ranking.candidates.empty());
    EXPECT_TRUE(outcome.options.empty());
    EXPECT_THAT(outcome.status,
                StatusIs(GetParam().code, AllOf(HasSubstr(GetParam().message),
                                                Not(HasSubstr(kSecret)))));
  }
}

// One task in three meets the fault; its neighbours must not notice.
TEST_P(LlmFaultsTest, LeaveTheOtherTasksAlone) {
  FaultHttpServer server([&](const FaultHttpServer::Request& request) {
    const auto body = nlohmann::json::parse(request.body);
    const std::string text = body["messages"].back()["content"];
    for (const int i : {0, 3, 6}) {
      if (text.find(absl::StrCat("Target ", i, " ", i, "\n")) !=
          std::string::npos) {
        return GetParam().reply;
      }
    }
    std::vector<int> all(10);
    std::iota(all.begin(), all.end(), 0);
    return Says(Labels(all));
  });
  const auto tasks = TargetTasks(9);
  const auto run = AskAll(server.url(), tasks,
                          GetParam().reply == HangReply() ? 500 : 20000);
  ASSERT_THAT(run, IsOk());
  for (int i = 0; i < 9; ++i) {
    const Outcome& outcome = run->outcomes[i];
    SCOPED_TRACE(i);
    if (i % 3 == 0) {
      EXPECT_EQ(outcome.rank, 0);
      EXPECT_EQ(outcome.status.code(), GetParam().code);
    } else {
      ASSERT_THAT(outcome.status, IsOk());
      // The displayed order was the answer.
      EXPECT_EQ(outcome.rank,
                tasks[i].permutation.PositionOf(tasks[i].target) + 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, LlmFaultsTest, ::testing::ValuesIn(Faults()),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

// The one outcome of a single task whose answer is `text`.
Outcome OutcomeOf(const Task& task, const std::string& text) {
  FaultHttpServer server({Says(text)});
  const auto run = AskAll(server.url(), absl::MakeConstSpan(&task, 1));
  EXPECT_THAT(run, IsOk());
  return run.ok() ? run->outcomes[0] : Outcome();
}

// A ranking with unknown, repeated or missing items is read by the one rule of
// policy/ranking.h and says so: neither dropped nor taken for a whole one.
TEST(LlmRankingTest, WithUnknownRepeatedOrMissingItemsIsPartial) {
  const Task task = TargetTask(4);
  const int shown = task.permutation.PositionOf(task.target);
  ASSERT_EQ(shown, 0);
  const std::vector<int> all = {3, 1, 2, 0, 9, 8, 7, 6, 5, 4};
  const Outcome whole = OutcomeOf(task, Labels(all));
  EXPECT_EQ(whole.parse, policy::ParseStatus::kComplete);
  EXPECT_EQ(whole.rank, 4);

  const std::map<std::string, std::string> answers = {
      {"unknown label", "X\n" + Labels(all)},
      {"unknown title", "1. The Sting\n" + Labels(all)},
      {"repeated", "D\nD\nB\nD\n" + Labels(all)},
      {"missing", Labels({3, 1, 2, 0})},
      {"all three", "D\nX\nD\nB\nC\nA\n"}};
  for (const auto& [name, answer] : answers) {
    SCOPED_TRACE(name);
    const Outcome outcome = OutcomeOf(task, answer);
    EXPECT_THAT(outcome.status, IsOk());
    EXPECT_EQ(outcome.parse, policy::ParseStatus::kPartial);
    EXPECT_EQ(outcome.rank, 4);
    EXPECT_EQ(outcome.ranking.candidates.size(), 10U);
  }
}

TEST(LlmRankingTest, ThatNamesNoCandidateIsFailedAndNotZero) {
  const Task task = TargetTask(4);
  const Outcome outcome = OutcomeOf(task, "I cannot help with that.");
  EXPECT_THAT(outcome.status, IsOk());
  EXPECT_EQ(outcome.parse, policy::ParseStatus::kFailed);
  // The displayed order stands: a reward above 0, counted as failed.
  EXPECT_EQ(outcome.rank, task.permutation.PositionOf(task.target) + 1);
  EXPECT_GT(Reward(task, outcome.ranking), 0.0F);
}

}  // namespace
}  // namespace attune::trainer
