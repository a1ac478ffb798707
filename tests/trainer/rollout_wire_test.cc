// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rollout_wire.h"

#include "attune/v1/rollout.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/llm_prompts.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

TEST(RolloutWireTest, TheLlmIsAskedForTheSame) {
  for (const auto readout :
       {policy::Readout::kGenerate, policy::Readout::kLabels,
        policy::Readout::kLikelihood}) {
    // Titles and texts may be any bytes.
    const auto prompt = MakePrompt(readout, "Rank \xFF\n these.",
                                   {"Heat", std::string("A\0B", 3)}, "They");
    LlmRequest request{.prompt = &prompt, .seed = ~uint64_t{0}};
    request.sim_task = int64_t{1} << 40;
    request.sim_options = {3, 0, 7};
    const auto bytes = EncodeRequest(request);
    ASSERT_THAT(bytes, IsOk());
    const auto read = DecodeRequest(*bytes);
    ASSERT_THAT(read, IsOk());
    const LlmRequest asked = read->Ask();
    EXPECT_EQ(asked.prompt->CanonicalBytes(), prompt.CanonicalBytes());
    EXPECT_EQ(asked.seed, request.seed);
    EXPECT_EQ(asked.sim_task, request.sim_task);
    EXPECT_EQ(asked.sim_options, request.sim_options);
  }
}

TEST(RolloutWireTest, AnswersComeBackToTheBit) {
  LlmAnswer answer{.text = "A\nB",
                   .displayed_scores = {0.1F, -3e-38F, 7.25F},
                   .usage = {1, 20, 5, 2, 0.125}};
  const auto read = DecodeAnswer(EncodeAnswer(answer, "w"));
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->text, answer.text);
  EXPECT_EQ(read->displayed_scores, answer.displayed_scores);
  EXPECT_EQ(read->usage.llm_calls, 1);
  EXPECT_EQ(read->usage.prompt_tokens, 20);
  EXPECT_EQ(read->usage.reused_tokens, 5);
  EXPECT_EQ(read->usage.answer_tokens, 2);
  EXPECT_EQ(read->usage.seconds, 0.125);
}

TEST(RolloutWireTest, AFaultStaysWhatItIs) {
  EXPECT_THAT(
      DecodeAnswer(EncodeAnswer(absl::ResourceExhaustedError("budget"), "w")),
      StatusIs(Code::kResourceExhausted,
               AllOf(HasSubstr("worker w"), HasSubstr("budget"))));
}

TEST(RolloutWireTest, WhatIsTooLargeIsRefused) {
  const auto prompt = MakePrompt(policy::Readout::kLabels,
                                 std::string(kMaxRolloutBytes, 'x'), {"A"});
  EXPECT_THAT(EncodeRequest({.prompt = &prompt}),
              StatusIs(Code::kInvalidArgument, HasSubstr("too large")));
  const LlmAnswer answer{.text = std::string(kMaxRolloutBytes, 'x')};
  EXPECT_THAT(DecodeAnswer(EncodeAnswer(answer, "w")),
              StatusIs(Code::kDataLoss, HasSubstr("more than")));
}

TEST(RolloutWireTest, WhatIsNoMessageIsRefused) {
  for (const std::string bytes : {"", "garbage", "\xFF\xFF\xFF\xFF"}) {
    EXPECT_THAT(DecodeRequest(bytes), StatusIs(Code::kDataLoss));
    EXPECT_FALSE(DecodeRun(bytes).ok());
    EXPECT_FALSE(DecodeWorker(bytes).ok());
  }
  v1::RolloutRequest request;
  request.set_readout(v1::READOUT_LABELS);
  request.add_messages()->set_role("root");
  EXPECT_THAT(DecodeRequest(request.SerializeAsString()),
              StatusIs(Code::kDataLoss));
}

TEST(RolloutWireTest, AnotherProtocolIsNamed) {
  v1::RolloutRun run;
  run.set_protocol(kRolloutProtocol + 1);
  run.set_lease_ms(1);
  EXPECT_THAT(DecodeRun(run.SerializeAsString()),
              StatusIs(Code::kFailedPrecondition, HasSubstr("same version")));
  const auto same =
      DecodeRun(EncodeRun({.llm = "x", .lease = absl::Seconds(2)}));
  ASSERT_THAT(same, IsOk());
  EXPECT_EQ(same->llm, "x");
  EXPECT_EQ(same->lease, absl::Seconds(2));
}

}  // namespace
}  // namespace attune::trainer
