// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/openai_backend.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fault_http_server.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/llm_prompts.h"

namespace attune::trainer {
namespace {

using ::attune::testing::FaultHttpServer;
using ::attune::testing::HangReply;
using ::attune::testing::HttpReplyBytes;
using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::Not;
using Code = absl::StatusCode;

constexpr char kGood[] =
    R"({"choices":[{"message":{"content":"B, A"}}],)"
    R"("usage":{"prompt_tokens":30,"completion_tokens":4}})";

std::string GoodReply() { return HttpReplyBytes(200, kGood); }

OpenAiOptions Options(const std::string& url) {
  OpenAiOptions options;
  options.url = url;
  options.chat.model = "test-model";
  options.retry.base = std::chrono::milliseconds(1);
  options.retry.max_wait = std::chrono::milliseconds(4);
  return options;
}

policy::RenderedPrompt Generate() {
  return MakePrompt(policy::Readout::kGenerate, "Rank.", {"Alien", "Brazil"});
}

policy::RenderedPrompt Labels() {
  return MakePrompt(policy::Readout::kLabels, "Which?",
                    {"Alien", "Brazil", "Cube"});
}

absl::StatusOr<LlmAnswer> AskOnce(OpenAiBackend& backend,
                                  const policy::RenderedPrompt& prompt) {
  const LlmRequest request{.prompt = &prompt, .seed = 7};
  return backend.Answer(absl::MakeConstSpan(&request, 1))[0];
}

std::string TopLogprobs(const std::string& entries) {
  return HttpReplyBytes(
      200, R"({"choices":[{"message":{"content":"A"},"logprobs":{"content":)"
           R"([{"token":"A","logprob":-0.1,"top_logprobs":[)" +
               entries +
               R"(]}]}}],"usage":{"prompt_tokens":9,)"
               R"("completion_tokens":1}})");
}

// A port on which nobody listens.
int ClosedPort() {
  const int s = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  bind(s, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(s, reinterpret_cast<sockaddr*>(&address), &size);
  close(s);
  return ntohs(address.sin_port);
}

TEST(OpenAiBackendTest, ReturnsTheTextAndItsUsage) {
  FaultHttpServer server({GoodReply()});
  auto backend = OpenAiBackend::Create(Options(server.url()));
  ASSERT_THAT(backend, IsOk());
  const auto answer = AskOnce(**backend, Generate());
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->text, "B, A");
  EXPECT_EQ(answer->usage.llm_calls, 1);
  EXPECT_EQ(answer->usage.prompt_tokens, 30);
  EXPECT_EQ(answer->usage.answer_tokens, 4);
  EXPECT_GT(answer->usage.seconds, 0.0);
  EXPECT_EQ((*backend)->total().prompt_tokens, 30);
}

TEST(OpenAiBackendTest, SendsModelMessagesAndSettings) {
  FaultHttpServer server({GoodReply()});
  OpenAiOptions options = Options(server.url());
  options.chat.temperature = 0.5;
  options.chat.max_tokens = 77;
  auto backend = OpenAiBackend::Create(options);
  ASSERT_THAT(backend, IsOk());
  ASSERT_THAT(AskOnce(**backend, Generate()), IsOk());
  const auto seen = server.seen();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_THAT(seen[0].head, HasSubstr("POST /v1/chat/completions HTTP/1.1"));
  const auto body = nlohmann::json::parse(seen[0].body);
  EXPECT_EQ(body["model"], "test-model");
  EXPECT_EQ(body["messages"][0]["role"], "user");
  EXPECT_EQ(body["messages"][0]["content"], "Rank.");
  EXPECT_EQ(body["max_tokens"], 77);
  EXPECT_EQ(body["temperature"], 0.5);
  EXPECT_EQ(body["seed"], 7);
  EXPECT_THAT(seen[0].head, Not(HasSubstr("Authorization")));
}

TEST(OpenAiBackendTest, SendsTheApiKeyOfAFileAndKeepsItOutOfTheIdentity) {
  const std::string path = ::testing::TempDir() + "/attune_api_key";
  std::ofstream(path) << "s3cret-key\n";
  FaultHttpServer server({GoodReply()});
  OpenAiOptions options = Options(server.url());
  options.api_key_file = path;
  auto backend = OpenAiBackend::Create(options);
  ASSERT_THAT(backend, IsOk());
  ASSERT_THAT(AskOnce(**backend, Generate()), IsOk());
  EXPECT_THAT(server.seen()[0].head,
              HasSubstr("Authorization: Bearer s3cret-key"));
  EXPECT_THAT((*backend)->Identity(), Not(HasSubstr("s3cret")));
  std::filesystem::remove(path);
}

TEST(OpenAiBackendTest, NamesWhatIsWrongWithAnOption) {
  const auto create = [](auto change) {
    OpenAiOptions options = Options("http://127.0.0.1:1/v1");
    change(options);
    return OpenAiBackend::Create(options).status();
  };
  EXPECT_THAT(create([](auto& o) { o.url = "ftp://x"; }),
              StatusIs(Code::kInvalidArgument, HasSubstr("http://")));
  EXPECT_THAT(create([](auto& o) { o.url = "http://me:secret@host/v1"; }),
              StatusIs(Code::kInvalidArgument, Not(HasSubstr("secret"))));
  EXPECT_THAT(create([](auto& o) { o.api_key_file = "/nonexistent"; }),
              StatusIs(Code::kNotFound, HasSubstr("API key file")));
  EXPECT_THAT(create([](auto& o) { o.api_key_env = "ATTUNE_TEST_NO_SUCH"; }),
              StatusIs(Code::kNotFound, HasSubstr("variable")));
  EXPECT_THAT(create([](auto& o) { o.http.concurrency = 0; }),
              StatusIs(Code::kInvalidArgument, HasSubstr("concurrency")));
}

TEST(OpenAiBackendTest, RefusesLikelihoodWithoutACall) {
  FaultHttpServer server({GoodReply()});
  auto backend = OpenAiBackend::Create(Options(server.url()));
  ASSERT_THAT(backend, IsOk());
  const auto prompt =
      MakePrompt(policy::Readout::kLikelihood, "Rank.", {"Alien", "Brazil"});
  EXPECT_THAT(AskOnce(**backend, prompt),
              StatusIs(Code::kUnimplemented, HasSubstr("likelihood")));
  EXPECT_EQ(server.requests(), 0);
}

TEST(OpenAiBackendTest, AddsUpALabelsTokensAndFloorsAbsentOnes) {
  FaultHttpServer server({TopLogprobs(R"({"token":"B","logprob":-1.0},)"
                                      R"({"token":" B","logprob":-1.0},)"
                                      R"({"token":"the","logprob":-5.0},)"
                                      R"({"token":"A","logprob":-3.0})")});
  auto backend = OpenAiBackend::Create(Options(server.url()));
  ASSERT_THAT(backend, IsOk());
  const auto answer = AskOnce(**backend, Labels());
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(answer->displayed_scores,
              ElementsAre(FloatEq(-3.0F), FloatEq(-1.0F + std::log(2.0F)),
                          FloatEq(-6.0F)));
  const auto body = nlohmann::json::parse(server.seen()[0].body);
  EXPECT_EQ(body["max_tokens"], 1);
  EXPECT_EQ(body["logprobs"], true);
  EXPECT_EQ(body["top_logprobs"], 20);
}

struct Fault {
  const char* name;
  std::string reply;
  Code code;
  int calls;  // with 5 attempts, 2 of them malformed
};

class OpenAiFaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(OpenAiFaultTest, BecomesAStatusAfterItsRetries) {
  FaultHttpServer server({GetParam().reply});
  OpenAiOptions options = Options(server.url());
  options.http.timeout =
      std::chrono::milliseconds(GetParam().reply == HangReply() ? 100 : 20000);
  auto backend = OpenAiBackend::Create(options);
  ASSERT_THAT(backend, IsOk());
  const bool labels = std::string(GetParam().name).starts_with("Labels");
  EXPECT_THAT(AskOnce(**backend, labels ? Labels() : Generate()),
              StatusIs(GetParam().code));
  EXPECT_EQ(server.requests(), GetParam().calls);
  EXPECT_EQ((*backend)->attempts(), GetParam().calls);
}

// What is not retried stays.
TEST_P(OpenAiFaultTest, IsForgottenOnceTheEndpointRecovers) {
  const bool labels = std::string(GetParam().name).starts_with("Labels");
  FaultHttpServer server(
      {GetParam().reply,
       labels ? TopLogprobs(R"({"token":"A","logprob":-1.0})") : GoodReply()});
  OpenAiOptions options = Options(server.url());
  options.http.timeout =
      std::chrono::milliseconds(GetParam().reply == HangReply() ? 500 : 20000);
  auto backend = OpenAiBackend::Create(options);
  ASSERT_THAT(backend, IsOk());
  const bool retried = GetParam().calls > 1;
  EXPECT_EQ(AskOnce(**backend, labels ? Labels() : Generate()).status().code(),
            retried ? Code::kOk : GetParam().code);
  EXPECT_EQ(server.requests(), retried ? 2 : 1);
}

std::string Body(const std::string& body) { return HttpReplyBytes(200, body); }

INSTANTIATE_TEST_SUITE_P(
    All, OpenAiFaultTest,
    ::testing::Values(
        Fault{"Closed", "", Code::kUnavailable, 5},
        Fault{"Slow", HangReply(), Code::kDeadlineExceeded, 5},
        Fault{"NotHttp", "SSH-2.0-x\r\n", Code::kUnavailable, 5},
        Fault{"Http429", HttpReplyBytes(429, "{}", "Retry-After: 0\r\n"),
              Code::kUnavailable, 5},
        Fault{"Http408", HttpReplyBytes(408, ""), Code::kDeadlineExceeded, 5},
        Fault{"Http409", HttpReplyBytes(409, ""), Code::kUnavailable, 5},
        Fault{"Http500", HttpReplyBytes(500, "oops"), Code::kUnavailable, 5},
        Fault{"Http503", HttpReplyBytes(503, ""), Code::kUnavailable, 5},
        Fault{"Http400", HttpReplyBytes(400, ""), Code::kInvalidArgument, 1},
        Fault{"Http401", HttpReplyBytes(401, ""), Code::kUnauthenticated, 1},
        Fault{"Http403", HttpReplyBytes(403, ""), Code::kPermissionDenied, 1},
        Fault{"Http404", HttpReplyBytes(404, ""), Code::kNotFound, 1},
        Fault{"Redirect",
              HttpReplyBytes(302, "", "Location: http://127.0.0.1:1/\r\n"),
              Code::kFailedPrecondition, 1},
        Fault{"Html", Body("<html><body>Sign in</body></html>"),
              Code::kDataLoss, 2},
        Fault{"Empty", Body(""), Code::kDataLoss, 2},
        Fault{"HalfJson", Body(R"({"choices":[{"message":{"cont)"),
              Code::kDataLoss, 2},
        Fault{"CutOff",
              "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"choices\"",
              Code::kDataLoss, 2},
        Fault{"NoChoices", Body(R"({"usage":{}})"), Code::kDataLoss, 2},
        Fault{"EmptyChoices", Body(R"({"choices":[]})"), Code::kDataLoss, 2},
        Fault{"WrongTypes", Body(R"({"choices":{"message":3}})"),
              Code::kDataLoss, 2},
        Fault{"NullContent",
              Body(R"({"choices":[{"message":{"content":null}}]})"),
              Code::kDataLoss, 2},
        Fault{"BlankContent",
              Body(R"({"choices":[{"message":{"content":" \n"}}]})"),
              Code::kDataLoss, 2},
        Fault{"InvalidUtf8",
              Body("{\"choices\":[{\"message\":{\"content\":\"\xC3\x28\"}}]}"),
              Code::kDataLoss, 2},
        Fault{"LabelsNullLogprobs",
              Body(R"({"choices":[{"message":{"content":"A"},)"
                   R"("logprobs":null}]})"),
              Code::kDataLoss, 2},
        Fault{"LabelsNoneKnown",
              TopLogprobs(R"({"token":"the","logprob":-1.0})"), Code::kDataLoss,
              2},
        Fault{"LabelsWrongNumber",
              TopLogprobs(R"({"token":"A","logprob":"-1"})"), Code::kDataLoss,
              2},
        Fault{"LabelsPositive", TopLogprobs(R"({"token":"A","logprob":2.0})"),
              Code::kDataLoss, 2},
        Fault{"LabelsEmpty", TopLogprobs(""), Code::kDataLoss, 2}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(OpenAiBackendTest, IsUnavailableWhenTheConnectionIsRefused) {
  const std::string url =
      "http://127.0.0.1:" + std::to_string(ClosedPort()) + "/v1";
  auto backend = OpenAiBackend::Create(Options(url));
  ASSERT_THAT(backend, IsOk());
  EXPECT_THAT(AskOnce(**backend, Generate()), StatusIs(Code::kUnavailable));
  EXPECT_EQ((*backend)->attempts(), 5);
}

TEST(OpenAiBackendTest, StopsReadingABodyThatIsTooLong) {
  const std::string start = R"({"choices":[{"message":{"content":")";
  FaultHttpServer server({Body(start + std::string(50 << 20, 'x') + "\"}}]}")});
  auto backend = OpenAiBackend::Create(Options(server.url()));
  ASSERT_THAT(backend, IsOk());
  EXPECT_THAT(
      AskOnce(**backend, Generate()),
      StatusIs(Code::kDataLoss, HasSubstr("longer than 4194304 bytes")));
}

TEST(OpenAiBackendTest, NeverHasMoreCallsInFlightThanAllowed) {
  constexpr int kConcurrency = 3;
  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;
  // Holds each call until its group of three is there, so that the bound is
  // reached and not only respected.
  FaultHttpServer server([&](const FaultHttpServer::Request& request) {
    std::unique_lock<std::mutex> lock(mutex);
    ++arrived;
    changed.notify_all();
    const int group_end = (request.index / kConcurrency + 1) * kConcurrency;
    changed.wait_for(lock, std::chrono::seconds(20),
                     [&] { return arrived >= group_end; });
    return GoodReply();
  });
  OpenAiOptions options = Options(server.url());
  options.http.concurrency = kConcurrency;
  auto backend = OpenAiBackend::Create(options);
  ASSERT_THAT(backend, IsOk());
  const auto prompt = Generate();
  const std::vector<LlmRequest> requests(12, LlmRequest{.prompt = &prompt});
  for (const auto& answer : (*backend)->Answer(requests)) {
    EXPECT_THAT(answer, IsOk());
  }
  EXPECT_EQ(server.requests(), 12);
  EXPECT_EQ(server.max_concurrent(), kConcurrency);
}

// Every reply waits until as many calls are in flight as may be: a place that is
// not filled again at once would leave all of them waiting.
TEST(OpenAiBackendTest, KeepsAsManyCallsInFlightAsAllowedUntilTheLast) {
  constexpr int kConcurrency = 8;
  constexpr int kRequests = 60;
  std::mutex mutex;
  std::condition_variable changed;
  int arrived = 0;
  int in_flight = 0;
  bool gap = false;
  FaultHttpServer server([&](const FaultHttpServer::Request&) {
    std::unique_lock<std::mutex> lock(mutex);
    ++arrived;
    ++in_flight;
    changed.notify_all();
    const bool full = changed.wait_for(lock, std::chrono::seconds(20), [&] {
      return gap || in_flight == kConcurrency || arrived == kRequests;
    });
    if (!full) gap = true;
    --in_flight;
    changed.notify_all();
    return GoodReply();
  });
  OpenAiOptions options = Options(server.url());
  options.http.concurrency = kConcurrency;
  auto backend = OpenAiBackend::Create(options);
  ASSERT_THAT(backend, IsOk());
  const auto prompt = Generate();
  const std::vector<LlmRequest> requests(kRequests,
                                         LlmRequest{.prompt = &prompt});
  for (const auto& answer : (*backend)->Answer(requests)) {
    EXPECT_THAT(answer, IsOk());
  }
  EXPECT_FALSE(gap);
  EXPECT_EQ(server.requests(), kRequests);
  EXPECT_EQ(server.max_concurrent(), kConcurrency);
}

TEST(OpenAiBackendTest, AnswersInTheOrderOfTheRequests) {
  FaultHttpServer server([](const FaultHttpServer::Request& request) {
    const auto body = nlohmann::json::parse(request.body);
    const nlohmann::json reply = {
        {"choices",
         {{{"message",
            {{"content", "echo " + body["messages"][0]["content"]
                                       .get<std::string>()}}}}}}};
    return HttpReplyBytes(request.index % 3 == 0 ? 503 : 200, reply.dump());
  });
  auto backend = OpenAiBackend::Create(Options(server.url()));
  ASSERT_THAT(backend, IsOk());
  std::vector<policy::RenderedPrompt> prompts;
  for (int i = 0; i < 20; ++i) {
    prompts.push_back(MakePrompt(policy::Readout::kGenerate,
                                 "p" + std::to_string(i), {"Alien", "Brazil"}));
  }
  std::vector<LlmRequest> requests;
  for (const auto& prompt : prompts) requests.push_back({.prompt = &prompt});
  const auto answers = (*backend)->Answer(requests);
  ASSERT_EQ(answers.size(), 20U);
  int answered = 0;
  for (int i = 0; i < 20; ++i) {
    if (!answers[i].ok()) continue;  // five 503s in a row
    ++answered;
    EXPECT_EQ(answers[i]->text, "echo p" + std::to_string(i));
  }
  EXPECT_GE(answered, 15);
}

TEST(OpenAiBackendTest, StartsNoCallBeyondTheBudget) {
  FaultHttpServer server({GoodReply()});
  OpenAiOptions options = Options(server.url());
  options.chat.max_tokens = 10;
  options.token_budget = 180;  // 34 a call; about 65 reserved
  auto backend = OpenAiBackend::Create(options);
  ASSERT_THAT(backend, IsOk());
  const auto prompt = Generate();
  const std::vector<LlmRequest> requests(10, LlmRequest{.prompt = &prompt});
  int answered = 0;
  for (const auto& answer : (*backend)->Answer(requests)) {
    if (answer.ok()) {
      ++answered;
    } else {
      EXPECT_THAT(answer,
                  StatusIs(Code::kResourceExhausted, HasSubstr("180 tokens")));
    }
  }
  EXPECT_EQ(server.requests(), answered);
  EXPECT_GE(answered, 2);
  EXPECT_LE(answered, 5);
  const Usage& total = (*backend)->total();
  EXPECT_EQ(total.prompt_tokens + total.answer_tokens, 34 * answered);
  EXPECT_LE(total.prompt_tokens + total.answer_tokens, 180);
  EXPECT_THAT(AskOnce(**backend, prompt), StatusIs(Code::kResourceExhausted));
  EXPECT_EQ(server.requests(), answered);
}

TEST(OpenAiBackendTest, ChargesMalformedAnswersToTheBudget) {
  FaultHttpServer server({Body("<html>")});
  OpenAiOptions options = Options(server.url());
  options.token_budget = 1000000;
  auto backend = OpenAiBackend::Create(options);
  ASSERT_THAT(backend, IsOk());
  EXPECT_THAT(AskOnce(**backend, Generate()), StatusIs(Code::kDataLoss));
  EXPECT_EQ((*backend)->total().llm_calls, 2);
  EXPECT_GT((*backend)->total().prompt_tokens, 0);
}

}  // namespace
}  // namespace attune::trainer
