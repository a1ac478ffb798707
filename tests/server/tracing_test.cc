// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Spans of a server as an OTLP receiver gets them, and what a receiver that is no
// good costs the server: nothing.

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/http_get.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/fault_http_server.h"
#include "tests/testing/status_matchers.h"
#include "tracing/trace_context.h"

namespace attune::server {
namespace {

using attune::testing::FaultHttpServer;
using attune::testing::HangReply;
using attune::testing::HttpReplyBytes;
using attune::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kCaller[] = "00f067aa0ba902b7";

std::string Traceparent(const char* flags) {
  return absl::StrCat("00-", kTrace, "-", kCaller, "-", flags);
}

// A span as it came.
struct Received {
  Json json;
  std::string Get(const std::string& attribute) const {
    for (const Json& entry : json["attributes"]) {
      if (entry["key"] != attribute) continue;
      const Json& value = entry["value"];
      return value.contains("intValue") ? value["intValue"]
                                        : value["stringValue"];
    }
    return "(none)";
  }
  std::string parent() const { return json.value("parentSpanId", ""); }
};

class TracingTest : public ::testing::Test {
 protected:
  // Restarts with tracing into `receiver`.
  void Trace(const FaultHttpServer& receiver, double ratio = 0.0) {
    const std::string url = receiver.url();
    config_.otlp_endpoint = url.substr(0, url.rfind("/v1"));
    config_.trace_ratio = ratio;
    server_.Restart(config_);
  }
  // A call with metadata; what came back in trailing metadata goes to
  // `trailers`.
  v1::GetPromptResponse GetPrompt(
      const std::vector<std::pair<std::string, std::string>>& metadata) {
    grpc::ClientContext context;
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    v1::GetPromptResponse response;
    status_ = server_.prompts().GetPrompt(&context, request_, &response);
    returned_.clear();
    for (const auto& [key, value] : context.GetServerTrailingMetadata()) {
      if (key.starts_with("trace")) {
        absl::StrAppend(&returned_, std::string(key.begin(), key.end()), "=",
                        std::string(value.begin(), value.end()), ";");
      }
    }
    return response;
  }
  // The spans that arrived once the server has stopped.
  std::vector<Received> Stop(const FaultHttpServer& receiver) {
    server_.server().Shutdown();
    std::vector<Received> spans;
    for (const auto& request : receiver.seen()) {
      const Json body = Json::parse(request.body);
      const Json& of = body["resourceSpans"][0];
      resource_ = of["resource"].dump();
      for (const Json& span : of["scopeSpans"][0]["spans"]) {
        spans.push_back({span});
      }
    }
    return spans;
  }
  std::string Metrics() {
    return HttpGet(server_.server().ports().metrics, "/metrics");
  }

  FaultHttpServer good_{{HttpReplyBytes(200, "{}")}};
  TestServer server_;
  ServerConfig config_;
  v1::GetPromptRequest request_ = SampleRequest();
  grpc::Status status_;
  std::string returned_;
  std::string resource_;
};

TEST_F(TracingTest, ACallsSpanHasTheCallersForItsParent) {
  Trace(good_);
  request_.set_user_id("user-s3cret");
  const auto response = GetPrompt({{"traceparent", Traceparent("01")},
                                   {"tracestate", "congo=t61"},
                                   {"tracestate", "rojo=00f"}});
  ASSERT_TRUE(status_.ok());
  const std::vector<Received> spans = Stop(good_);
  ASSERT_EQ(spans.size(), 1u);
  const Received& span = spans[0];
  EXPECT_EQ(span.json["traceId"], kTrace);
  EXPECT_EQ(span.parent(), kCaller);
  EXPECT_EQ(span.json["traceState"], "congo=t61,rojo=00f");
  EXPECT_EQ(span.json["name"], "attune.v1.PromptService/GetPrompt");
  EXPECT_EQ(span.json["kind"], 2);
  EXPECT_FALSE(span.json.contains("status"));
  EXPECT_EQ(span.Get("attune.decision_id"), response.decision_id());
  EXPECT_EQ(span.Get("attune.revision"), response.revision());
  EXPECT_EQ(span.Get("attune.candidates"),
            absl::StrCat(request_.candidates_size()));
  EXPECT_EQ(span.Get("attune.history_items"),
            absl::StrCat(request_.history_size()));
  EXPECT_EQ(span.Get("attune.mode"), "DECISION_MODE_UNSPECIFIED");
  EXPECT_EQ(span.Get("rpc.grpc.status_code"), "0");
  EXPECT_THAT(resource_, HasSubstr("attune_server"));
  EXPECT_EQ(returned_, absl::StrCat("traceparent=00-", kTrace, "-",
                                    span.json["spanId"].get<std::string>(),
                                    "-01;tracestate=congo=t61,rojo=00f;"));
}

TEST_F(TracingTest, NothingThatAUserSentIsInASpan) {
  Trace(good_, 1.0);
  request_.set_user_id("user-s3cret");
  request_.mutable_history(0)->set_title("title-s3cret");
  request_.mutable_candidates(0)->set_item_id("item-s3cret");
  GetPrompt({});
  request_.set_policy("policy-s3cret");  // an error
  GetPrompt({});
  request_.set_revision("revision-s3cret");
  GetPrompt({});
  ASSERT_EQ(Stop(good_).size(), 3u);
  for (const auto& request : good_.seen()) {
    EXPECT_FALSE(absl::StrContains(request.body, "s3cret")) << request.body;
  }
}

TEST_F(TracingTest, WhatTheCallerDoesNotRecordHasNoSpan) {
  Trace(good_, 1.0);
  GetPrompt({{"traceparent", Traceparent("00")}});
  EXPECT_TRUE(status_.ok());
  EXPECT_EQ(returned_, "");
  EXPECT_EQ(Stop(good_).size(), 0u);
}

TEST_F(TracingTest, ATraceparentThatIsNoneCountsForNothing) {
  Trace(good_, 1.0);
  GetPrompt({{"traceparent", "00-garbage"}});
  GetPrompt(
      {{"traceparent", Traceparent("01")}, {"traceparent", Traceparent("01")}});
  GetPrompt({{"traceparent", Traceparent("01")},
             {"tracestate", std::string(600, 'x')}});
  const std::vector<Received> spans = Stop(good_);
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].parent(), "");
  EXPECT_EQ(spans[1].parent(), "");
  EXPECT_EQ(spans[2].parent(), kCaller);
  EXPECT_FALSE(spans[2].json.contains("traceState"));
}

TEST_F(TracingTest, WithoutAParentTheRatioDecides) {
  Trace(good_, 0.0);
  GetPrompt({});
  EXPECT_EQ(returned_, "");
  EXPECT_EQ(Stop(good_).size(), 0u);
}

TEST_F(TracingTest, AFailedCallsSpanSaysHow) {
  Trace(good_, 1.0);
  request_.clear_candidates();
  GetPrompt({});
  ASSERT_EQ(status_.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(returned_, HasSubstr("traceparent=00-"));
  const std::vector<Received> spans = Stop(good_);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].Get("rpc.grpc.status_code"), "3");
  EXPECT_EQ(spans[0].Get("error.type"), "INVALID_ARGUMENT");
  EXPECT_FALSE(spans[0].json.contains("status")) << "the caller's mistake";
}

TEST_F(TracingTest, EachPromptOfAStreamHasASpan) {
  Trace(good_);
  grpc::ClientContext context;
  context.AddMetadata("traceparent", Traceparent("01"));
  auto stream = server_.prompts().StreamPrompts(&context);
  v1::StreamPromptsRequest message;
  for (int i = 0; i < 3; ++i) {
    *message.add_calls()->mutable_request() = request_;
  }
  message.mutable_calls(1)->mutable_request()->clear_candidates();
  ASSERT_TRUE(stream->Write(message));
  v1::StreamPromptsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  const std::vector<Received> spans = Stop(good_);
  ASSERT_EQ(spans.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(spans[i].json["name"], "attune.v1.PromptService/StreamPrompts");
    EXPECT_EQ(spans[i].parent(), kCaller);
  }
  EXPECT_EQ(spans[2].Get("attune.decision_id"),
            response.results(2).response().decision_id());
  EXPECT_EQ(spans[1].Get("rpc.grpc.status_code"), "3");
}

TEST_F(TracingTest, FeedbackPushAndTrafficHaveSpans) {
  Trace(good_, 1.0);
  const auto prompt = GetPrompt({});
  ASSERT_TRUE(server_.RecordReward(prompt.decision_token(), 1.0F).first.ok());
  const auto pushed = server_.PushRevision(MakeArtifact("traced"));
  ASSERT_TRUE(pushed.first.ok()) << pushed.first.error_message();
  const std::string id = pushed.second.revision().revision_id();
  ASSERT_TRUE(server_.SetActive(id).ok());
  server_.Rollback();
  std::map<std::string, Received> spans;
  for (const Received& span : Stop(good_)) {
    spans[span.Get("rpc.method")] = span;
  }
  EXPECT_EQ(spans["RecordFeedback"].Get("attune.decision_id"),
            prompt.decision_id());
  EXPECT_EQ(spans["PushRevision"].Get("attune.revision"), id);
  EXPECT_EQ(spans["SetTraffic"].json["name"],
            "attune.v1.PolicyService/SetTraffic");
  EXPECT_TRUE(spans.contains("Rollback"));
}

TEST_F(TracingTest, MetricsCountSpans) {
  EXPECT_EQ(Metrics().find("attune_trace_spans_total"), std::string::npos);
  FaultHttpServer refusing({HttpReplyBytes(401, "")});
  Trace(refusing, 1.0);
  GetPrompt({});
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  std::string text;
  while (absl::Now() < deadline &&
         !absl::StrContains(text, "{result=\"dropped_error\"} 1")) {
    text = Metrics();
  }
  EXPECT_THAT(text, HasSubstr("attune_trace_spans_total"
                              "{result=\"dropped_error\"} 1"));
  EXPECT_THAT(text, HasSubstr("{result=\"exported\"} 0"));
}

// More spans than the queue holds, while the receiver does not answer: each call
// is answered, what is too much is counted, and stopping takes no longer than
// it may.
TEST_F(TracingTest, AReceiverThatHangsCostsNoCallAndNoStop) {
  FaultHttpServer hanging({HangReply()});
  Trace(hanging, 1.0);
  constexpr int kCalls = 200;
  auto stream_context = std::make_unique<grpc::ClientContext>();
  auto stream = server_.prompts().StreamPrompts(stream_context.get());
  v1::StreamPromptsRequest message;
  for (int i = 0; i < 60; ++i) {
    *message.add_calls()->mutable_request() = request_;
  }
  int answered = 0;
  for (int i = 0; i < kCalls; ++i) {
    v1::StreamPromptsResponse response;
    ASSERT_TRUE(stream->Write(message));
    ASSERT_TRUE(stream->Read(&response));
    for (const auto& result : response.results()) {
      answered += result.has_response() ? 1 : 0;
    }
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answered, kCalls * 60);
  const std::string text = Metrics();
  EXPECT_THAT(text, HasSubstr("{result=\"exported\"} 0"));
  EXPECT_THAT(text, ::testing::ContainsRegex(
                        R"(\{result="dropped_full"\} [1-9][0-9]{3})"));
  const absl::Time start = absl::Now();
  server_.server().Shutdown();
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

TEST_F(TracingTest, SettingsThatCannotBeAreRefused) {
  const auto start = [&](const std::string& endpoint,
                         const std::string& headers) {
    ServerConfig config;
    config.otlp_endpoint = endpoint;
    config.otlp_headers_file = headers;
    return Server::Start({config, nullptr}).status();
  };
  EXPECT_THAT(start("collector:4317", ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("otlp_endpoint: must begin with http")));
  EXPECT_THAT(
      start("http://c:4318", "/nowhere/headers"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("otlp_headers_file: ")));
  const TempDir dir;
  const std::string path = dir.Write("headers", "s3cret\n");
  EXPECT_THAT(start("http://c:4318", path),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("otlp_headers_file: " + path + ": line 1")));
}

}  // namespace
}  // namespace attune::server
