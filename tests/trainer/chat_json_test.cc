// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/chat_json.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/llm_prompts.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;
using Json = nlohmann::json;

constexpr uint64_t kSeed = 20261124;
constexpr char kLabelsBody[] =
    R"({"choices":[{"message":{"content":"B"},"logprobs":{"content":[)"
    R"({"token":"B","logprob":-0.5,"top_logprobs":[)"
    R"({"token":"B","logprob":-0.5},{"token":"A","logprob":-1.5}]}]}}],)"
    R"("usage":{"prompt_tokens":12,"completion_tokens":1}})";

policy::RenderedPrompt Prompt(policy::Readout readout) {
  return MakePrompt(readout, "Rank \"these\"\n\xC3\xA9.", {"Alien", "Brazil"});
}

Json Request(policy::Readout readout, const ChatSettings& settings) {
  const auto body = ChatRequestJson(Prompt(readout), settings, ~uint64_t{0});
  EXPECT_THAT(body, IsOk());
  return Json::parse(body.ok() ? *body : "{}");
}

TEST(ChatRequestJsonTest, HoldsTheTextByteForByte) {
  const Json body = Request(policy::Readout::kGenerate, {.model = "m"});
  EXPECT_EQ(body["messages"][0]["content"], "Rank \"these\"\n\xC3\xA9.");
}

TEST(ChatRequestJsonTest, SendsASeedOnlyIfTheAnswerIsSampled) {
  EXPECT_FALSE(
      Request(policy::Readout::kGenerate, {.model = "m"}).contains("seed"));
  const Json body =
      Request(policy::Readout::kGenerate, {.model = "m", .temperature = 0.5});
  // What a signed 32-bit integer holds.
  EXPECT_EQ(body["seed"], 0x7fffffff);
}

TEST(ChatRequestJsonTest, NeverSamplesALabel) {
  const Json body =
      Request(policy::Readout::kLabels, {.model = "m", .temperature = 0.5});
  EXPECT_EQ(body["temperature"], 0.0);
  EXPECT_EQ(body["max_tokens"], 1);
  EXPECT_EQ(body["top_logprobs"], kTopLogprobs);
}

TEST(ParseUsageTest, IsNothingUnlessBothCountsAreThere) {
  EXPECT_EQ(ParseUsage(kLabelsBody)->prompt_tokens, 12);
  for (const char* body :
       {"", "<html>", "[]", "{}", R"({"usage":null})",
        R"({"usage":{"prompt_tokens":3}})",
        R"({"usage":{"prompt_tokens":-3,"completion_tokens":1}})",
        R"({"usage":{"prompt_tokens":"3","completion_tokens":1}})",
        R"({"usage":{"prompt_tokens":1e400,"completion_tokens":1}})"}) {
    EXPECT_FALSE(ParseUsage(body).has_value()) << body;
  }
}

TEST(ParseUsageTest, BoundsWhatItIsTold) {
  const auto usage =
      ParseUsage(R"({"usage":{"prompt_tokens":18446744073709551615,)"
                 R"("completion_tokens":1}})");
  ASSERT_TRUE(usage.has_value());
  EXPECT_EQ(usage->prompt_tokens, 1'000'000'000);
}

TEST(ParseChatAnswerTest, GivesALabelsScoreToItsDisplayedPosition) {
  const auto answer =
      ParseChatAnswer(kLabelsBody, Prompt(policy::Readout::kLabels));
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->displayed_scores, ElementsAre(-1.5F, -0.5F));
}

TEST(ParseChatAnswerTest, NamesTheFieldAndNeverEchoesTheBody) {
  const struct {
    policy::Readout readout;
    const char* body;
    const char* names;
  } cases[] = {
      {policy::Readout::kGenerate, "<html>SECRET</html>", "is not JSON"},
      {policy::Readout::kGenerate,
       R"({"choices":[{"message":{"content":"SECRE)", "is not JSON"},
      {policy::Readout::kGenerate, R"({"error":"SECRET"})", "choices: "},
      {policy::Readout::kGenerate, R"({"choices":["SECRET"]})", "choices: "},
      {policy::Readout::kGenerate,
       R"({"choices":[{"message":{"content":["SECRET"]}}]})",
       "choices[0].message.content: is not a string"},
      {policy::Readout::kGenerate,
       R"({"choices":[{"message":{"content":"\n "},"x":"SECRET"}]})",
       "choices[0].message.content: is empty"},
      {policy::Readout::kLabels,
       R"({"choices":[{"message":{"content":"SECRET"}}]})",
       "choices[0].logprobs.content[0].top_logprobs: "},
      {policy::Readout::kLabels,
       R"({"choices":[{"logprobs":{"content":[{"top_logprobs":)"
       R"([{"token":"SECRET","logprob":-1}]}]}}]})",
       "no label is among the most likely tokens"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ParseChatAnswer(c.body, Prompt(c.readout)),
                StatusIs(Code::kDataLoss,
                         AllOf(HasSubstr(c.names), Not(HasSubstr("SECRE")))))
        << c.body;
  }
}

// Every beginning of a good body but the whole one is an error, and so is or is
// not a body with some bytes changed, without a crash.
TEST(ParseChatAnswerTest, TakesNoHalfOfAnAnswer) {
  const std::string body = kLabelsBody;
  for (const auto readout :
       {policy::Readout::kLabels, policy::Readout::kGenerate}) {
    for (size_t size = 0; size < body.size(); ++size) {
      EXPECT_THAT(ParseChatAnswer(body.substr(0, size), Prompt(readout)),
                  StatusIs(Code::kDataLoss))
          << size;
    }
    EXPECT_THAT(ParseChatAnswer(body, Prompt(readout)), IsOk());
  }
}

TEST(ParseChatAnswerTest, SurvivesAnyBytes) {
  SCOPED_TRACE(kSeed);
  policy::Rng rng(kSeed);
  const std::string body = kLabelsBody;
  int good = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string broken = body;
    for (int n = 0; n < 3; ++n) {
      broken[rng.Below(static_cast<uint32_t>(body.size()))] =
          static_cast<char>(rng.Below(256));
    }
    const auto readout =
        i % 2 == 0 ? policy::Readout::kLabels : policy::Readout::kGenerate;
    const auto answer = ParseChatAnswer(broken, Prompt(readout));
    if (!answer.ok()) {
      EXPECT_EQ(answer.status().code(), Code::kDataLoss);
      continue;
    }
    ++good;
    for (const float score : answer->displayed_scores) {
      EXPECT_TRUE(std::isfinite(score) && score < 0.8F) << broken;
    }
  }
  EXPECT_GT(good, 0);
  EXPECT_LT(good, 20000);
}

TEST(ParseChatAnswerTest, SurvivesDeepNesting) {
  const std::string body = R"({"choices":)" + std::string(200000, '[');
  EXPECT_THAT(ParseChatAnswer(body, Prompt(policy::Readout::kGenerate)),
              StatusIs(Code::kDataLoss));
}

}  // namespace
}  // namespace attune::trainer
