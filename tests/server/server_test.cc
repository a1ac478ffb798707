// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/server.h"

#include <gmock/gmock.h>
#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/metric_table.h"
#include "tests/server/http_get.h"
#include "tests/server/raw_message.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// Debian ships no stubs of the health and the reflection service, so these two
// write and read the few bytes themselves.
const std::string kServing = "\x08\x01";
const std::string kNotServing = "\x08\x02";

class HealthWatch {
 public:
  HealthWatch(int port, const std::string& service)
      : channel_(Connect(port)),
        method_("/grpc.health.v1.Health/Watch",
                grpc::internal::RpcMethod::SERVER_STREAMING, channel_),
        reader_(grpc::internal::ClientReaderFactory<grpc::ByteBuffer>::Create(
            channel_.get(), method_, &context_,
            ToBuffer(TextField(1, service)))) {}

  // Empty if the stream has ended.
  std::string Next() {
    grpc::ByteBuffer response;
    return reader_->Read(&response) ? ToString(response) : "";
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  grpc::internal::RpcMethod method_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<grpc::ByteBuffer>> reader_;
};

grpc::Status CheckHealth(int port, const std::string& service,
                         std::string* answer) {
  auto channel = Connect(port);
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check",
                                         grpc::internal::RpcMethod::NORMAL_RPC,
                                         channel);
  grpc::ClientContext context;
  grpc::ByteBuffer response;
  const grpc::Status status =
      grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
          channel.get(), method, &context, ToBuffer(TextField(1, service)),
          &response);
  if (status.ok()) *answer = ToString(response);
  return status;
}

std::string ListServices(int port) {
  auto channel = Connect(port);
  const grpc::internal::RpcMethod method(
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      grpc::internal::RpcMethod::BIDI_STREAMING, channel);
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>>
      stream(grpc::internal::ClientReaderWriterFactory<
             grpc::ByteBuffer, grpc::ByteBuffer>::Create(channel.get(), method,
                                                         &context));
  stream->Write(ToBuffer(TextField(7, "*")));
  grpc::ByteBuffer response;
  const std::string services =
      stream->Read(&response) ? ToString(response) : "";
  stream->WritesDone();
  stream->Finish();
  return services;
}

TEST(ServerTest, ReportsThreeDifferentPorts) {
  TestServer server;
  const ServerPorts& ports = server.server().ports();
  EXPECT_GT(ports.data, 0);
  EXPECT_GT(ports.control, 0);
  EXPECT_GT(ports.metrics, 0);
  EXPECT_NE(ports.data, ports.control);
  EXPECT_NE(ports.data, ports.metrics);
}

TEST(ServerTest, EachPlaneAnswersOnlyItsOwnService) {
  TestServer server;
  auto prompts =
      v1::PromptService::NewStub(Connect(server.server().ports().control));
  grpc::ClientContext context;
  v1::GetPromptResponse response;
  EXPECT_EQ(
      prompts->GetPrompt(&context, SampleRequest(), &response).error_code(),
      grpc::StatusCode::UNIMPLEMENTED);
}

TEST(ServerTest, HealthCheckKnowsItsService) {
  TestServer server;
  std::string answer;
  ASSERT_TRUE(CheckHealth(server.server().ports().data,
                          "attune.v1.PromptService", &answer)
                  .ok());
  EXPECT_EQ(answer, kServing);
  ASSERT_TRUE(CheckHealth(server.server().ports().control,
                          "attune.v1.PolicyService", &answer)
                  .ok());
  EXPECT_EQ(answer, kServing);
  EXPECT_EQ(
      CheckHealth(server.server().ports().data, "nope", &answer).error_code(),
      grpc::StatusCode::NOT_FOUND);
}

TEST(ServerTest, HealthWatchSaysNotServingBeforeTheEnd) {
  TestServer server;
  HealthWatch data(server.server().ports().data, "attune.v1.PromptService");
  HealthWatch control(server.server().ports().control,
                      "attune.v1.PolicyService");
  EXPECT_EQ(data.Next(), kServing);
  EXPECT_EQ(control.Next(), kServing);
  std::thread shutdown([&] { server.server().Shutdown(); });
  EXPECT_EQ(data.Next(), kNotServing);
  EXPECT_EQ(control.Next(), kNotServing);
  EXPECT_EQ(data.Next(), "");
  shutdown.join();
}

TEST(ServerTest, ReflectionListsItsServices) {
  TestServer server;
  EXPECT_THAT(ListServices(server.server().ports().data),
              AllOf(HasSubstr("attune.v1.PromptService"),
                    HasSubstr("grpc.health.v1.Health"),
                    Not(HasSubstr("PolicyService"))));
  EXPECT_THAT(ListServices(server.server().ports().control),
              HasSubstr("attune.v1.PolicyService"));
}

TEST(ServerTest, MetricsCountWhatHappened) {
  TestServer server;
  ASSERT_TRUE(server.GetPrompt(SampleRequest()).first.ok());
  ASSERT_TRUE(server.GetPrompt(SampleRequest()).first.ok());
  ASSERT_FALSE(server.GetPrompt(v1::GetPromptRequest()).first.ok());
  const std::string artifact = MakeArtifact("one");
  ASSERT_TRUE(server.PushRevision(artifact).first.ok());
  const std::string text = HttpGet(server.server().ports().metrics, "/metrics");
  EXPECT_THAT(text, HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(
      text,
      HasSubstr(R"(attune_requests_total{code="OK",method="GetPrompt"} 2)"));
  EXPECT_THAT(text, HasSubstr("attune_requests_total{code=\"INVALID_ARGUMENT\""
                              ",method=\"GetPrompt\"} 1"));
  EXPECT_THAT(text, HasSubstr("attune_get_prompt_latency_seconds_count 3"));
  EXPECT_THAT(
      text, HasSubstr(R"(attune_get_prompt_latency_seconds_bucket{le="1e-05)"));
  EXPECT_THAT(text, ContainsRegex("attune_decisions_total\\{.*\\} [12]"));
  EXPECT_THAT(text, HasSubstr("attune_revision_info{revision=\"" +
                              policy::RevisionIdOf(artifact) + "\"} 1"));
  EXPECT_THAT(text,
              HasSubstr(R"(attune_revision_activations_total{result="ok"} 1)"));
  EXPECT_THAT(text, HasSubstr("process_start_time_seconds"));
  EXPECT_THAT(text, Not(HasSubstr("item-")));
}

TEST(ServerTest, MetricsSayWhoServesWhom) {
  TestServer server;
  const std::string one = MakeArtifact("one");
  const std::string two = MakeArtifact("two");
  ASSERT_TRUE(server.PushRevision(one).first.ok());
  ASSERT_TRUE(server.PushRevision(two, {.activate = false}).first.ok());
  grpc::ClientContext context;
  v1::SetTrafficRequest request;
  v1::SetTrafficResponse response;
  request.mutable_traffic()->set_active(policy::RevisionIdOf(one));
  request.mutable_traffic()->mutable_canary()->set_revision(
      policy::RevisionIdOf(two));
  request.mutable_traffic()->mutable_canary()->set_share(0.25F);
  ASSERT_TRUE(server.policies().SetTraffic(&context, request, &response).ok());
  const std::string text = HttpGet(server.server().ports().metrics, "/metrics");
  EXPECT_THAT(text, ContainsRegex("attune_traffic_share.*canary.* 0.25"));
  EXPECT_THAT(text, ContainsRegex("attune_traffic_share.*active.* 0.75"));
  EXPECT_THAT(text, HasSubstr("attune_traffic_changes 2"));
  EXPECT_THAT(text,
              HasSubstr("attune_guardrail_rollbacks_total{guardrail=\"reward\"}"
                        " 0"));
  EXPECT_THAT(text, HasSubstr("attune_shadow_decisions_total"));
}

TEST(ServerTest, MetricsSayHowTheDecisionLogFares) {
  TestServer server;
  const auto prompt = server.GetPrompt(SampleRequest()).second;
  ASSERT_TRUE(server.RecordReward(prompt.decision_token(), 1.0F).first.ok());
  ASSERT_TRUE(server.RecordReward(prompt.decision_token(), 1.0F).first.ok());
  const std::string text = HttpGet(server.server().ports().metrics, "/metrics");
  EXPECT_THAT(text, HasSubstr("attune_log_healthy 1"));
  EXPECT_THAT(text, HasSubstr(R"(attune_log_decisions_total{result="written"})"
                              " 1"));
  EXPECT_THAT(text, HasSubstr(R"(attune_log_feedback_total{result="recorded"})"
                              " 1"));
  EXPECT_THAT(text, HasSubstr(R"(attune_log_feedback_total{result="duplicate"})"
                              " 1"));
  EXPECT_THAT(text, ContainsRegex(R"(attune_log_commits_total\{result="ok")"));
  EXPECT_THAT(text, HasSubstr("attune_log_queued_decisions 0"));
}

// The other way round, whether each row is exposed, is tests/docs' question.
TEST(ServerTest, EveryMetricIsARowOfTheTable) {
  TestServer server;
  const std::string text = HttpGet(server.server().ports().metrics, "/metrics");
  std::set<std::string> expected;
  for (const MetricRow& row : kMetrics) {
    expected.insert("# HELP " + std::string(row.name) + " " +
                    std::string(row.help));
  }
  int families = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    // prometheus-cpp's own.
    if (!absl::ConsumePrefix(&line, "# HELP ") ||
        absl::StartsWith(line, "exposer_")) {
      continue;
    }
    ++families;
    EXPECT_EQ(expected.count(absl::StrCat("# HELP ", line)), 1u) << line;
  }
  EXPECT_GT(families, 20);
}

// Whether feedback can be recorded is a service of its own, since prompts are
// served all the same.
TEST(ServerTest, HealthSaysWhetherFeedbackCanBeRecorded) {
  constexpr char kFeedback[] = "attune.v1.PromptService.RecordFeedback";
  TestServer server;
  std::string answer;
  ASSERT_TRUE(
      CheckHealth(server.server().ports().data, kFeedback, &answer).ok());
  EXPECT_EQ(answer, kServing);
  ServerConfig config;
  config.log_dir = server.dir().path();
  server.dir().Write("decisions.db", std::string(8192, 'x'));
  server.Restart(config);
  ASSERT_TRUE(
      CheckHealth(server.server().ports().data, kFeedback, &answer).ok());
  EXPECT_EQ(answer, kNotServing);
  ASSERT_TRUE(CheckHealth(server.server().ports().data,
                          "attune.v1.PromptService", &answer)
                  .ok());
  EXPECT_EQ(answer, kServing);
  EXPECT_THAT(HttpGet(server.server().ports().metrics, "/metrics"),
              HasSubstr("attune_log_healthy 0"));
}

TEST(ServerTest, StartFailsInOneSentence) {
  TestServer running;
  const TempDir dir;
  ServerConfig config;
  config.metrics_listen = config.control_listen = "127.0.0.1:0";
  config.data_listen =
      "127.0.0.1:" + std::to_string(running.server().ports().data);
  config.revision_dir = dir.path() + "/r";
  config.catalog = dir.Write("c.yaml", TaggedCatalogYaml("x"));
  EXPECT_THAT(Server::Start({config, nullptr}).status(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("data_")));
  config.data_listen = "127.0.0.1:0";
  config.catalog = dir.path() + "/none.yaml";
  EXPECT_THAT(Server::Start({config, nullptr}).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.yaml")));
  config.catalog = dir.Write("bad.yaml", "name: [");
  EXPECT_THAT(
      Server::Start({config, nullptr}).status(),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bad.yaml")));
  config.catalog = dir.Write("c.yaml", TaggedCatalogYaml("x"));
  config.token_key_file = dir.Write("key", "short");
  EXPECT_THAT(Server::Start({config, nullptr}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key")));
}

TEST(ServerTest, ACompressedRequestIsRefused) {
  TestServer server;
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  auto request = SampleRequest();
  request.mutable_history(0)->set_title(std::string(2000, 'a'));
  v1::GetPromptResponse response;
  EXPECT_EQ(
      server.prompts().GetPrompt(&context, request, &response).error_code(),
      grpc::StatusCode::UNIMPLEMENTED);
}

TEST(ServerTest, AMessageAboveTheLimitIsRefused) {
  TestServer server;
  auto request = SampleRequest();
  request.set_user_id(std::string(5 << 20, 'a'));
  EXPECT_EQ(server.GetPrompt(request).first.error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(server.GetPrompt(SampleRequest()).first.ok());
}

}  // namespace
}  // namespace attune::server
