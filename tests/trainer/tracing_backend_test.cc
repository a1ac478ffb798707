// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/tracing_backend.h"

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/random.h"
#include "tests/testing/fault_http_server.h"
#include "tests/testing/status_matchers.h"
#include "tests/tracing/spans.h"
#include "tests/trainer/llm_prompts.h"
#include "trainer/openai_backend.h"

namespace attune::trainer {
namespace {

using attune::testing::FaultHttpServer;
using attune::testing::HttpReplyBytes;
using attune::testing::StatusIs;
using ::testing::HasSubstr;
using tracing::Span;

constexpr char kCompletion[] =
    R"({"choices":[{"message":{"content":"A"},"finish_reason":"stop"}],)"
    R"("usage":{"prompt_tokens":21,"completion_tokens":2}})";

std::string Get(const Span& span, const std::string& key) {
  for (const tracing::Attribute& attribute : span.attributes) {
    if (attribute.key != key) continue;
    const auto* number = std::get_if<int64_t>(&attribute.value);
    return number != nullptr ? absl::StrCat(*number)
                             : std::get<std::string>(attribute.value);
  }
  return "(none)";
}

class TracingBackendTest : public ::testing::Test {
 protected:
  TracingBackend Make(std::unique_ptr<LlmBackend> backend, LlmDescription llm,
                      double ratio = 1.0) {
    return TracingBackend(
        std::move(backend), std::move(llm), kept_,
        tracing::Tracer({.exporter = kept_.get(),
                         .ratio = ratio,
                         .clock = [] { return absl::Now(); },
                         .random =
                             [this](absl::Span<uint8_t> bytes) {
                               for (uint8_t& b : bytes) {
                                 b = static_cast<uint8_t>(rng_());
                               }
                             }}));
  }
  TracingBackend MakeOpenAi(const FaultHttpServer& server) {
    auto backend = OpenAiBackend::Create(
        {.url = server.url(),
         .chat = {.model = "small"},
         .retry = {.max_attempts = 2, .base = std::chrono::milliseconds(1)}});
    EXPECT_TRUE(backend.ok()) << backend.status();
    return Make(*std::move(backend), DescribeEndpoint(server.url(), "small"));
  }
  // Asks for this many rankings.
  std::vector<absl::StatusOr<LlmAnswer>> Ask(LlmBackend& backend,
                                             int requests) {
    return backend.Answer(
        std::vector<LlmRequest>(requests, {.prompt = &prompt_}));
  }

  const policy::RenderedPrompt prompt_ =
      MakePrompt(policy::Readout::kGenerate, "text-s3cret", {"Alien", "Heat"});
  policy::Rng rng_{7};
  std::shared_ptr<tracing::KeptSpans> kept_ =
      std::make_shared<tracing::KeptSpans>();
};

TEST_F(TracingBackendTest, ACallHasASpanBelowItsRounds) {
  FaultHttpServer server({HttpReplyBytes(200, kCompletion)});
  TracingBackend backend = MakeOpenAi(server);
  for (const auto& answer : Ask(backend, 2)) EXPECT_TRUE(answer.ok());
  const std::vector<Span> spans = kept_->spans();
  ASSERT_EQ(spans.size(), 3u);
  const Span& round = spans[2];
  EXPECT_EQ(round.name, "attune.round");
  EXPECT_FALSE(round.parent.has_value());
  EXPECT_EQ(Get(round, "attune.requests"), "2");
  EXPECT_EQ(Get(round, "attune.faults"), "0");
  for (int i = 0; i < 2; ++i) {
    const Span& call = spans[i];
    EXPECT_EQ(call.parent, round.context.span_id);
    EXPECT_EQ(call.context.trace_id, round.context.trace_id);
    EXPECT_EQ(call.kind, tracing::SpanKind::kClient);
    EXPECT_EQ(call.name, "chat small");
    EXPECT_EQ(Get(call, "gen_ai.operation.name"), "chat");
    EXPECT_EQ(Get(call, "gen_ai.provider.name"), "openai");
    EXPECT_EQ(Get(call, "gen_ai.request.model"), "small");
    EXPECT_EQ(Get(call, "gen_ai.usage.input_tokens"), "21");
    EXPECT_EQ(Get(call, "gen_ai.usage.output_tokens"), "2");
    EXPECT_EQ(Get(call, "server.address"), "127.0.0.1");
    EXPECT_EQ(
        absl::StrCat("http://127.0.0.1:", Get(call, "server.port"), "/v1"),
        server.url());
    EXPECT_LE(round.start, call.start);
    EXPECT_LE(call.end, round.end);
  }
}

TEST_F(TracingBackendTest, TheEndpointIsToldTheCallsContext) {
  FaultHttpServer server(
      {HttpReplyBytes(503, ""), HttpReplyBytes(200, kCompletion)});
  TracingBackend backend = MakeOpenAi(server);
  EXPECT_TRUE(Ask(backend, 1)[0].ok());
  const Span call = kept_->spans().at(0);
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 2u);
  for (const auto& request : seen) {
    EXPECT_THAT(request.head,
                HasSubstr(absl::StrCat("traceparent: ",
                                       FormatTraceparent(call.context))));
  }
  EXPECT_FALSE(call.failed);
}

TEST_F(TracingBackendTest, AFaultIsAnErrorOfItsKind) {
  FaultHttpServer server({HttpReplyBytes(503, "")});
  TracingBackend backend = MakeOpenAi(server);
  EXPECT_FALSE(Ask(backend, 1)[0].ok());
  const std::vector<Span> spans = kept_->spans();
  EXPECT_TRUE(spans.at(0).failed);
  EXPECT_EQ(Get(spans[0], "error.type"), "unavailable");
  EXPECT_EQ(Get(spans[0], "gen_ai.usage.input_tokens"), "(none)");
  EXPECT_EQ(Get(spans.at(1), "attune.faults"), "1");
}

TEST_F(TracingBackendTest, PromptsAndAnswersAreInNoSpan) {
  FaultHttpServer server({HttpReplyBytes(200, kCompletion)});
  TracingBackend backend = MakeOpenAi(server);
  Ask(backend, 1);
  for (const Span& span : kept_->spans()) {
    for (const tracing::Attribute& attribute : span.attributes) {
      const auto* text = std::get_if<std::string>(&attribute.value);
      if (text == nullptr) continue;
      EXPECT_EQ(text->find("s3cret"), std::string::npos) << attribute.key;
      EXPECT_EQ(text->find("Alien"), std::string::npos) << attribute.key;
    }
  }
}

TEST_F(TracingBackendTest, ARoundThatIsNotRecordedSendsNoContext) {
  FaultHttpServer server({HttpReplyBytes(200, kCompletion)});
  auto inner =
      OpenAiBackend::Create({.url = server.url(), .chat = {.model = "small"}});
  TracingBackend backend =
      Make(*std::move(inner), DescribeEndpoint(server.url(), "small"), 0.0);
  EXPECT_TRUE(Ask(backend, 1)[0].ok());
  EXPECT_EQ(kept_->spans().size(), 0u);
  EXPECT_EQ(server.seen().at(0).head.find("traceparent"), std::string::npos);
}

TEST_F(TracingBackendTest, SpansArriveBeforeTheBackendIsGone) {
  FaultHttpServer llm({HttpReplyBytes(200, kCompletion)});
  FaultHttpServer receiver({HttpReplyBytes(200, "{}")});
  const std::string url = receiver.url();
  {
    auto inner =
        OpenAiBackend::Create({.url = llm.url(), .chat = {.model = "small"}});
    auto backend =
        ExportTraces(*std::move(inner), DescribeEndpoint(llm.url(), "small"),
                     {.endpoint = url.substr(0, url.rfind("/v1")),
                      .headers = "X-Scope: shop\n"});
    ASSERT_TRUE(backend.ok()) << backend.status();
    Ask(**backend, 3);
  }
  ASSERT_EQ(receiver.requests(), 1);
  EXPECT_THAT(receiver.seen()[0].head, HasSubstr("X-Scope: shop"));
  const auto json = nlohmann::json::parse(receiver.seen()[0].body);
  EXPECT_EQ(json["resourceSpans"][0]["scopeSpans"][0]["spans"].size(), 4u);
}

TEST_F(TracingBackendTest, NamesTheFlagThatIsWrong) {
  EXPECT_THAT(ExportTraces(nullptr, {}, {.endpoint = "collector"}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--otlp-endpoint: must begin with http")));
  EXPECT_THAT(
      ExportTraces(nullptr, {}, {.endpoint = "http://c", .headers = "x"})
          .status(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("--otlp-headers-file: line 1")));
}

TEST(DescribeEndpointTest, TellsHostAndPortApart) {
  const std::map<std::string, std::string> cases = {
      {"http://llm:8080/v1", "llm 8080"},
      {"https://llm.example.com/v1", "llm.example.com 443"},
      {"http://llm", "llm 80"},
      {"http://[::1]:8000/v1", "[::1] 8000"},
      {"http://[::1]/v1", "[::1] 80"}};
  for (const auto& [url, expected] : cases) {
    const LlmDescription llm = DescribeEndpoint(url, "m");
    EXPECT_EQ(absl::StrCat(llm.server_address, " ", llm.server_port), expected);
  }
}

}  // namespace
}  // namespace attune::trainer
