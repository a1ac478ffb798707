// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "client/prompt_client.h"

#include <memory>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace attune::client {
namespace {

using ::attune::testing::FakeServer;
using ::attune::testing::IsOk;
using ::attune::testing::SampleRequest;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

const grpc::Status kUnavailable(grpc::StatusCode::UNAVAILABLE, "away");

Prompt Fallback() {
  Prompt prompt;
  prompt.messages.push_back({.role = "user", .text = "my own prompt"});
  return prompt;
}

// INVALID_ARGUMENT as the real server sends it.
grpc::Status RichError(const std::string& message) {
  google::rpc::Status rich;
  rich.set_code(grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::ErrorInfo info;
  info.set_reason("FIELD_OUT_OF_RANGE");
  rich.add_details()->PackFrom(info);
  google::rpc::BadRequest bad_request;
  auto& violation = *bad_request.add_field_violations();
  violation.set_field("history[3].title");
  violation.set_description("must be 1 to 2048 bytes");
  rich.add_details()->PackFrom(bad_request);
  return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, message,
                      rich.SerializeAsString());
}

class PromptClientTest : public ::testing::Test {
 protected:
  PromptClient Client(absl::Duration deadline = absl::Seconds(20)) {
    Clock clock;
    clock.sleep = [this](absl::Duration) { ++sleeps_; };
    auto client = PromptClient::Create({.target = server_.target(),
                                        .deadline = deadline,
                                        .retry = {.max_attempts = 4},
                                        .clock = clock});
    EXPECT_THAT(client, IsOk());
    return *client;
  }

  FakeServer server_;
  int sleeps_ = 0;
};

TEST_F(PromptClientTest, ReturnsThePrompt) {
  const auto prompt = Client().GetPrompt(SampleRequest());
  ASSERT_THAT(prompt, IsOk());
  EXPECT_EQ(prompt->revision, "feedfacefeedface");
  EXPECT_EQ(prompt->decision_token, std::string("\0token\xFF", 7));
  ASSERT_EQ(prompt->messages.size(), 2U);
  EXPECT_EQ(prompt->messages[1].text, "I liked Toy Story (1995).\nRank.");
  EXPECT_FALSE(prompt->is_fallback);
  EXPECT_THAT(prompt->fallback_reason, IsOk());
}

TEST_F(PromptClientTest, CopiesOutliveTheOriginal) {
  auto original = std::make_unique<PromptClient>(Client());
  PromptClient copy = *original;
  original.reset();
  EXPECT_THAT(copy.GetPrompt(SampleRequest()), IsOk());
  PromptClient assigned = Client();
  assigned = std::move(copy);
  EXPECT_THAT(assigned.GetPrompt(SampleRequest()), IsOk());
}

TEST_F(PromptClientTest, TriesAgainWhenUnavailable) {
  server_.prompt.FailNext({kUnavailable, kUnavailable, kUnavailable});
  EXPECT_THAT(Client().GetPrompt(SampleRequest()), IsOk());
  EXPECT_EQ(server_.prompt.calls(), 4);
  EXPECT_EQ(sleeps_, 3);
}

TEST_F(PromptClientTest, GivesUpAfterMaxAttempts) {
  server_.prompt.FailNext(std::vector<grpc::Status>(9, kUnavailable));
  EXPECT_THAT(Client().GetPrompt(SampleRequest()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("away")));
  EXPECT_EQ(server_.prompt.calls(), 4);
}

TEST_F(PromptClientTest, MakesOneCallForOtherErrorsAndNeverFallsBack) {
  for (int code = 1; code <= 16; ++code) {
    if (code == grpc::StatusCode::UNAVAILABLE) continue;
    if (code == grpc::StatusCode::DEADLINE_EXCEEDED) continue;
    SCOPED_TRACE(code);
    server_.prompt.FailNext(
        {grpc::Status(static_cast<grpc::StatusCode>(code), "refused")});
    const int before = server_.prompt.calls();
    EXPECT_THAT(
        Client().GetPromptOr(SampleRequest(), Fallback()),
        StatusIs(static_cast<absl::StatusCode>(code), HasSubstr("refused")));
    EXPECT_EQ(server_.prompt.calls(), before + 1);
  }
}

TEST_F(PromptClientTest, FallsBackWhenUnavailable) {
  server_.prompt.FailNext(std::vector<grpc::Status>(9, kUnavailable));
  const auto prompt = Client().GetPromptOr(SampleRequest(), Fallback());
  ASSERT_THAT(prompt, IsOk());
  EXPECT_TRUE(prompt->is_fallback);
  EXPECT_EQ(prompt->messages[0].text, "my own prompt");
  EXPECT_EQ(prompt->fallback_reason.code(), absl::StatusCode::kUnavailable);
}

TEST_F(PromptClientTest, FallsBackWhenNobodyListens) {
  const PromptClient client = Client();
  server_.Stop();
  const auto prompt = client.GetPromptOr(SampleRequest(), Fallback());
  ASSERT_THAT(prompt, IsOk());
  EXPECT_TRUE(prompt->is_fallback);
}

TEST_F(PromptClientTest, KeepsItsDeadlineAndFallsBack) {
  server_.prompt.Hold();
  const PromptClient client = Client(absl::Milliseconds(50));
  EXPECT_THAT(client.GetPrompt(SampleRequest()),
              StatusIs(absl::StatusCode::kDeadlineExceeded, ::testing::_));
  const auto prompt = client.GetPromptOr(SampleRequest(), Fallback());
  ASSERT_THAT(prompt, IsOk());
  EXPECT_TRUE(prompt->is_fallback);
  EXPECT_EQ(prompt->fallback_reason.code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(sleeps_, 0);
}

TEST_F(PromptClientTest, UsesTheServersPromptWhenItAnswers) {
  const auto prompt = Client().GetPromptOr(SampleRequest(), Fallback());
  ASSERT_THAT(prompt, IsOk());
  EXPECT_FALSE(prompt->is_fallback);
  EXPECT_EQ(prompt->revision, "feedfacefeedface");
}

TEST_F(PromptClientTest, TurnsDetailsIntoTheMessage) {
  server_.prompt.FailNext({RichError("request refused")});
  EXPECT_THAT(
      Client().GetPrompt(SampleRequest()),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "request refused; history[3].title: must be 1 to 2048 bytes "
               "[FIELD_OUT_OF_RANGE]"));
  server_.prompt.FailNext(
      {RichError("history[3].title: must be 1 to 2048 bytes")});
  EXPECT_THAT(Client().GetPrompt(SampleRequest()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "history[3].title: must be 1 to 2048 bytes "
                       "[FIELD_OUT_OF_RANGE]"));
  server_.prompt.FailNext({grpc::Status(grpc::StatusCode::NOT_FOUND, "plain",
                                        "details that are no message\xFF")});
  EXPECT_THAT(Client().GetPrompt(SampleRequest()),
              StatusIs(absl::StatusCode::kNotFound, "plain"));
}

TEST_F(PromptClientTest, PreviewsAChoice) {
  v1::PreviewPromptRequest request;
  *request.mutable_history() = SampleRequest().history();
  *request.mutable_candidates() = SampleRequest().candidates();
  request.add_choice()->set_pattern("hint");
  const auto prompt = Client().PreviewPrompt(request);
  ASSERT_THAT(prompt, IsOk());
  EXPECT_EQ(prompt->revision, "feedfacefeedface");
  EXPECT_EQ(prompt->decision_id, "");
  EXPECT_EQ(prompt->decision_token, "");
  EXPECT_EQ(server_.prompt.last_preview().choice(0).pattern(), "hint");
}

TEST_F(PromptClientTest, SendsTheRequestAsItIs) {
  v1::GetPromptRequest request = SampleRequest();
  request.set_user_id("u1");
  request.set_seed(0);
  request.set_readout(v1::READOUT_LABELS);
  ASSERT_THAT(Client().GetPrompt(request), IsOk());
  EXPECT_EQ(server_.prompt.last_request().SerializeAsString(),
            request.SerializeAsString());
}

TEST_F(PromptClientTest, ReportsFeedbackWithARequestIdOfItsOwn) {
  const auto prompt = Client().GetPrompt(SampleRequest());
  ASSERT_THAT(prompt, IsOk());
  const auto first = Client().RecordFeedback(MakeFeedback(*prompt, 0.5F));
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->reward(), 0.5F);
  EXPECT_FALSE(first->duplicate());
  const std::string id = server_.prompt.last_feedback().request_id();
  EXPECT_THAT(id,
              ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
                                      "[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  const auto second = Client().RecordFeedback(MakeFeedback(*prompt, 1.0F));
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->reward(), 0.5F);
  EXPECT_TRUE(second->duplicate());
  EXPECT_NE(server_.prompt.last_feedback().request_id(), id);
}

TEST_F(PromptClientTest, ARetriedFeedbackIsNoDuplicate) {
  v1::RecordFeedbackRequest request;
  request.set_decision_token("t");
  request.set_reward(0.25F);
  server_.prompt.FailNext({kUnavailable});
  server_.prompt.LoseNextAnswer();
  const auto recorded = Client().RecordFeedback(request);
  ASSERT_THAT(recorded, IsOk());
  EXPECT_EQ(server_.prompt.calls(), 3);
  EXPECT_EQ(recorded->reward(), 0.25F);
  EXPECT_FALSE(recorded->duplicate());
}

TEST_F(PromptClientTest, DoesNotRetryAFeedbackThatIsRefused) {
  server_.prompt.FailNext(
      {grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full")});
  EXPECT_THAT(Client().RecordFeedback({}),
              StatusIs(absl::StatusCode::kResourceExhausted, "full"));
  EXPECT_EQ(server_.prompt.calls(), 1);
}

}  // namespace
}  // namespace attune::client
