// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "tests/server/rpc_error.h"
#include "tests/server/server_fixture.h"

namespace attune::server {
namespace {

void AddCall(uint64_t id, const v1::GetPromptRequest& request,
             v1::StreamPromptsRequest* message) {
  v1::PromptCall* call = message->add_calls();
  call->set_call_id(id);
  *call->mutable_request() = request;
}

class PromptStreamTest : public ::testing::Test {
 protected:
  void Open() { stream_ = server_.prompts().StreamPrompts(&context_); }
  v1::StreamPromptsResponse Exchange(const v1::StreamPromptsRequest& message) {
    v1::StreamPromptsResponse response;
    EXPECT_TRUE(stream_->Write(message));
    EXPECT_TRUE(stream_->Read(&response));
    return response;
  }

  TestServer server_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamPromptsRequest,
                                           v1::StreamPromptsResponse>>
      stream_;
};

TEST_F(PromptStreamTest, AnswersEachCallAsGetPromptDoes) {
  ASSERT_TRUE(server_.PushRevision(MakeArtifact("a")).first.ok());
  Open();
  v1::StreamPromptsRequest message;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    auto request = SampleRequest();
    request.set_seed(seed);
    AddCall(100 + seed, request, &message);
  }
  for (int round = 0; round < 3; ++round) {
    const auto response = Exchange(message);
    ASSERT_EQ(response.results_size(), 20);
    for (int i = 0; i < 20; ++i) {
      const v1::PromptResult& result = response.results(i);
      EXPECT_EQ(result.call_id(), 101u + i);
      const auto alone = server_.GetPrompt(message.calls(i).request()).second;
      ASSERT_TRUE(result.has_response()) << result.status().message();
      EXPECT_EQ(TextOf(result.response()), TextOf(alone));
      EXPECT_EQ(result.response().choice().SerializeAsString(),
                alone.choice().SerializeAsString());
      EXPECT_FALSE(result.response().decision_token().empty());
    }
  }
  stream_->WritesDone();
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(PromptStreamTest, OneBadCallDoesNotHurtTheOthers) {
  Open();
  v1::StreamPromptsRequest message;
  AddCall(1, SampleRequest(), &message);
  AddCall(2, SampleRequest(/*history=*/0), &message);
  message.add_calls();  // nothing at all
  AddCall(4, SampleRequest(), &message);
  const auto response = Exchange(message);
  ASSERT_EQ(response.results_size(), 4);
  EXPECT_TRUE(response.results(0).has_response());
  EXPECT_TRUE(response.results(3).has_response());
  EXPECT_EQ(response.results(1).call_id(), 2u);
  for (const int bad : {1, 2}) {
    const google::rpc::Status& status = response.results(bad).status();
    EXPECT_EQ(status.code(), static_cast<int>(grpc::INVALID_ARGUMENT));
    EXPECT_EQ(status.details_size(), 2);  // ErrorInfo and BadRequest
  }
}

TEST_F(PromptStreamTest, AnEmptyMessageIsAnsweredByAnEmptyOne) {
  Open();
  EXPECT_EQ(Exchange({}).results_size(), 0);
}

TEST_F(PromptStreamTest, TooManyCallsEndTheStream) {
  Open();
  v1::StreamPromptsRequest message;
  for (int i = 0; i < 65; ++i) AddCall(i, SampleRequest(1, 2), &message);
  v1::StreamPromptsResponse response;
  stream_->Write(message);
  EXPECT_FALSE(stream_->Read(&response));
  const grpc::Status status = stream_->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorOf(status).field, "calls");
}

TEST_F(PromptStreamTest, ACancelledStreamEnds) {
  Open();
  v1::StreamPromptsRequest message;
  AddCall(1, SampleRequest(), &message);
  Exchange(message);
  context_.TryCancel();
  EXPECT_EQ(stream_->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // Shutdown would wait for a stream that never finishes.
  server_.server().Shutdown();
}

// A peer that writes and never reads: the server stops reading from it, other
// calls go on, and shutting down does not wait for it.
TEST_F(PromptStreamTest, APeerThatDoesNotReadIsNotReadFrom) {
  context_.set_deadline(std::chrono::system_clock::now() +
                        std::chrono::seconds(1));
  Open();
  v1::StreamPromptsRequest message;
  for (int i = 0; i < 64; ++i) AddCall(i, SampleRequest(20, 26), &message);
  int written = 0;
  // Flow control blocks the writer; the deadline wakes it.
  while (stream_->Write(message) && written < 2000) ++written;
  EXPECT_LT(written, 2000);
  EXPECT_TRUE(server_.GetPrompt(SampleRequest()).first.ok());
  server_.server().Shutdown();
}

TEST(OverloadTest, ACallBeyondTheLimitIsRefusedWithAPushback) {
  TestServer server;
  ServerConfig config;
  config.max_calls = 1;
  server.Restart(config);
  server.HoldCalls();
  std::thread held(
      [&] { EXPECT_TRUE(server.GetPrompt(SampleRequest()).first.ok()); });
  server.AwaitHeldCall();
  grpc::ClientContext context;
  v1::GetPromptResponse response;
  const grpc::Status refused =
      server.prompts().GetPrompt(&context, SampleRequest(), &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ErrorOf(refused).reason, "OVERLOADED");
  EXPECT_EQ(context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"),
            1u);
  server.ReleaseCalls();
  held.join();
  EXPECT_TRUE(server.GetPrompt(SampleRequest()).first.ok());
}

TEST(OverloadTest, ACallerAboveItsQuotaIsRefusedByEveryMethod) {
  TestServer server;
  ServerConfig config;
  config.max_calls_per_caller = 1;
  server.Restart(config);
  server.HoldCalls();
  std::thread held(
      [&] { EXPECT_TRUE(server.GetPrompt(SampleRequest()).first.ok()); });
  server.AwaitHeldCall();
  const auto expect_refused = [](const auto& call) {
    grpc::ClientContext context;
    const grpc::Status refused = call(&context);
    EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(ErrorOf(refused).reason, "CALLER_OVER_QUOTA");
    EXPECT_EQ(
        context.GetServerTrailingMetadata().count("grpc-retry-pushback-ms"),
        1u);
  };
  expect_refused([&](grpc::ClientContext* context) {
    v1::GetPromptResponse response;
    return server.prompts().GetPrompt(context, SampleRequest(), &response);
  });
  expect_refused([&](grpc::ClientContext* context) {
    v1::PreviewPromptResponse response;
    return server.prompts().PreviewPrompt(context, {}, &response);
  });
  expect_refused([&](grpc::ClientContext* context) {
    v1::RecordFeedbackResponse response;
    return server.prompts().RecordFeedback(context, {}, &response);
  });
  grpc::ClientContext context;
  auto stream = server.prompts().StreamPrompts(&context);
  v1::StreamPromptsRequest message;
  AddCall(1, SampleRequest(), &message);
  ASSERT_TRUE(stream->Write(message));
  v1::StreamPromptsResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.results(0).status().code(),
            static_cast<int>(absl::StatusCode::kResourceExhausted));
  server.ReleaseCalls();
  held.join();
  // The place is free when the server knows that the answer has left, which is
  // after we have it.
  do {
    ASSERT_TRUE(stream->Write(message));
    ASSERT_TRUE(stream->Read(&answer));
  } while (!answer.results(0).has_response());
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace attune::server
