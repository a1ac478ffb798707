// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// The console's port as a browser sees it, and as it meets peers that are none.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "policy/signing_key.h"
#include "server/http_endpoint.h"
#include "tests/server/http_get.h"
#include "tests/server/server_fixture.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::json;

constexpr char kGoodPreview[] =
    R"({"history": [{"item_id": "1", "title": "Heat"}],)"
    R"( "candidates": [{"item_id": "2", "title": "Alien"},)"
    R"( {"item_id": "3", "title": "Fargo"}], "seed": "7"})";

std::string Post(const std::string& path, const std::string& body,
                 const std::string& type = "application/json") {
  return absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: localhost\r\n",
                      "Content-Type: ", type,
                      "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

std::string BodyOf(const std::string& response) {
  const size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

class ConsoleTest : public ::testing::Test {
 protected:
  ConsoleTest() {
    config_.console_listen = "127.0.0.1:0";
    server_.Restart(config_);
  }

  int port() { return server_.server().ports().console; }
  std::string Ask(const std::string& bytes) {
    return HttpExchange(port(), bytes);
  }
  Json State() { return Json::parse(BodyOf(HttpGet(port(), "/api/state"))); }
  // The parsed answer; expects success.
  Json Preview(const std::string& request) {
    const std::string response = Ask(Post("/api/preview", request));
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 ")) << response;
    return Json::parse(BodyOf(response), nullptr, false);
  }
  // The status, and what the error says.
  std::pair<int, std::string> Refused(const std::string& bytes) {
    const std::string response = Ask(bytes);
    if (!absl::StartsWith(response, "HTTP/1.1 ")) return {0, response};
    const Json json = Json::parse(BodyOf(response), nullptr, false);
    return {std::atoi(response.c_str() + 9),
            json.is_object() ? json["error"]["message"].get<std::string>()
                             : response};
  }
  void ExpectServing() {
    EXPECT_THAT(HttpGet(port(), "/api/state"), StartsWith("HTTP/1.1 200 "));
    EXPECT_TRUE(server_.GetPrompt(SampleRequest()).first.ok());
  }
  std::string PushActive(const std::string& tag) {
    const auto [status, response] = server_.PushRevision(MakeArtifact(tag));
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.revision().revision_id();
  }

  ServerConfig config_;
  TestServer server_;
};

TEST_F(ConsoleTest, IsOffUnlessAskedFor) {
  server_.Restart();
  EXPECT_EQ(port(), 0);
}

TEST_F(ConsoleTest, ServesItsFilesAndTellsBrowsersToTrustNothingElse) {
  for (const auto& [path, type] :
       {std::pair("/", "text/html"), std::pair("/console.css", "text/css"),
        std::pair("/console.js", "text/javascript"),
        std::pair("/icon.svg", "image/svg+xml"),
        std::pair("/api/state", "application/json"),
        std::pair("/none", "application/json")}) {
    const std::string response = HttpGet(port(), path);
    EXPECT_THAT(
        response,
        AllOf(HasSubstr(absl::StrCat("Content-Type: ", type)),
              HasSubstr("default-src 'none'; script-src 'self'"),
              HasSubstr("frame-ancestors 'none'"),
              HasSubstr("Cache-Control: no-store"),
              HasSubstr("X-Content-Type-Options: nosniff"),
              Not(HasSubstr("unsafe")), Not(HasSubstr("Access-Control"))))
        << path;
    EXPECT_GT(BodyOf(response).size(), 20U) << path;
  }
  // Nothing that the policy would forbid.
  const std::string page = BodyOf(HttpGet(port(), "/"));
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script>")), Not(HasSubstr("style=")),
                          Not(HasSubstr("http:")), Not(HasSubstr("https:"))));
}

TEST_F(ConsoleTest, AnswersHeadWithoutABody) {
  const std::string response =
      Ask("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(BodyOf(response), "");
}

TEST_F(ConsoleTest, StateTellsRevisionsTrafficChangesAndMetrics) {
  const Json before = State();
  EXPECT_EQ(before["stored_revisions"], 0);
  EXPECT_EQ(before["revisions"].size(), 1U) << "the uniform one serves";
  const std::string first = PushActive("first");
  const std::string second = PushActive("second");
  ASSERT_TRUE(server_.GetPrompt(SampleRequest()).first.ok());

  const Json state = State();
  EXPECT_EQ(state["traffic"]["active"], second);
  EXPECT_EQ(state["sequence"], 2);
  ASSERT_EQ(state["revisions"].size(), 2U);
  EXPECT_EQ(state["revisions"][0]["revision_id"], second);
  EXPECT_EQ(state["revisions"][0]["state"], "REVISION_STATE_ACTIVE");
  EXPECT_FALSE(state["revisions"][0].contains("signature"));
  EXPECT_FALSE(state["revisions"][0]["manifest"].contains("tensors"));
  ASSERT_EQ(state["changes"].size(), 2U);
  EXPECT_EQ(state["changes"][0]["action"], "push");
  EXPECT_EQ(state["changes"][0]["before"]["active"], first);
  EXPECT_EQ(state["changes"][0]["after"]["active"], second);
  const Json& metrics = state["metrics"];
  EXPECT_EQ(metrics["attune_get_prompt_latency_seconds"][0]["count"], 1);
  EXPECT_EQ(metrics["attune_get_prompt_latency_seconds"][0]["buckets"].back(),
            Json({"+Inf", 1}));
  EXPECT_EQ(metrics["attune_traffic_changes"][0]["value"], 2.0);
}

TEST_F(ConsoleTest, StateHasTheNewestRevisionsAndThoseInTraffic) {
  const std::string oldest = PushActive("oldest");
  for (int i = 0; i < 52; ++i) {
    ASSERT_TRUE(server_
                    .PushRevision(MakeArtifact(absl::StrCat("r", i)),
                                  {.activate = false})
                    .first.ok());
  }
  const Json state = State();
  EXPECT_EQ(state["stored_revisions"], 53);
  EXPECT_EQ(state["revisions"].size(), 51U);
  EXPECT_EQ(state["revisions"].back()["revision_id"], oldest);
}

TEST_F(ConsoleTest, StateTellsWhoSigned) {
  const auto key = policy::SigningKey::Generate().value();
  config_.trusted_keys_file = server_.dir().Write("keys.pem", key.PublicPem());
  server_.Restart(config_);
  const std::string artifact = MakeArtifact("signed");
  const auto signature =
      key.Sign(policy::RevisionDigestOf(artifact), "sample", 7).value();
  ASSERT_TRUE(
      server_.PushRevision(artifact, {.signature = signature}).first.ok());
  const Json shown = State()["revisions"][0]["signature"];
  EXPECT_EQ(shown["number"], "7");
  EXPECT_EQ(shown["key_id"], signature.key_id());
}

TEST_F(ConsoleTest, PreviewIsWhatGetPromptServes) {
  PushActive("served");
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    v1::GetPromptRequest request = SampleRequest();
    request.set_seed(seed);
    const auto [status, served] = server_.GetPrompt(request);
    ASSERT_TRUE(status.ok());
    std::string json;
    ASSERT_TRUE(
        google::protobuf::util::MessageToJsonString(request, &json).ok());
    const Json preview = Preview(json);
    EXPECT_EQ(preview["revision"], served.revision());
    std::string text;
    for (const Json& message : preview["messages"]) {
      for (const Json& segment : message["segments"]) {
        text += segment["text"].get<std::string>();
      }
    }
    EXPECT_EQ(text, TextOf(served));
    for (int k = 0; k < served.choice().patterns_size(); ++k) {
      const auto& chosen = served.choice().patterns(k);
      const Json& pattern = preview["patterns"][k];
      const Json& option = pattern["options"][pattern["chosen"].get<int>()];
      EXPECT_EQ(option["option_id"], chosen.option_id());
      EXPECT_FLOAT_EQ(option["probability"], chosen.probability());
      double sum = 0.0;
      for (const Json& each : pattern["options"]) {
        sum += each["probability"].get<double>();
      }
      EXPECT_NEAR(sum, 1.0, 1e-5);
    }
  }
}

TEST_F(ConsoleTest, PreviewIsOfTheRevisionThatIsNamed) {
  const std::string first = PushActive("first");
  PushActive("second");
  Json request = Json::parse(kGoodPreview);
  EXPECT_THAT(Preview(request.dump()).dump(), HasSubstr(CatalogTag("second")));
  request["revision"] = first;
  EXPECT_THAT(Preview(request.dump()).dump(), HasSubstr(CatalogTag("first")));
  request["revision"] = "0123456789abcdef";
  EXPECT_EQ(Refused(Post("/api/preview", request.dump())).first, 404);
}

TEST_F(ConsoleTest, PreviewDecidesCountsAndLogsNothing) {
  PushActive("served");
  const Json before = State();
  for (int i = 0; i < 10; ++i) Preview(kGoodPreview);
  EXPECT_EQ(State(), before);
  EXPECT_EQ(server_.ListDecisions({}).second.decisions_size(), 0);
}

TEST_F(ConsoleTest, GarbageIsRefusedAndNothingElseHappens) {
  const std::string host = " HTTP/1.1\r\nHost: localhost\r\n";
  const std::string large(kMaxHttpBodyBytes + 1, ' ');
  const struct {
    const char* what;
    std::string bytes;
    int status;
    const char* message;
  } kCases[] = {
      {"no such path", "GET /nothing" + host + "\r\n", 404, "path"},
      {"a path upwards", "GET /../../etc/passwd" + host + "\r\n", 404, "path"},
      {"an encoded one", "GET /%2e%2e/%2e%2e/etc/passwd" + host + "\r\n", 404,
       "path"},
      {"wrong method", "DELETE /api/state" + host + "\r\n", 405, "method"},
      {"wrong method", Post("/", "x"), 405, "method"},
      {"wrong method", "GET /api/preview" + host + "\r\n", 405, "method"},
      {"a page of another site", "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
       421, "Host"},
      {"a name like ours",
       "GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421, "Host"},
      {"no host", "GET / HTTP/1.0\r\n\r\n", 421, "Host"},
      {"a form", Post("/api/preview", "a=b", "text/plain"), 415,
       "Content-Type"},
      {"no JSON", Post("/api/preview", "{\"history\": ["), 400, "request"},
      {"other JSON", Post("/api/preview", "{\"histori\": []}"), 400, "request"},
      {"deep JSON", Post("/api/preview", std::string(20000, '[')), 400,
       "request"},
      {"deep fields",
       Post("/api/preview",
            [] {
              std::string text;
              for (int i = 0; i < 2000; ++i) text += "{\"previous\":";
              return text;
            }()),
       400, "request"},
      {"no UTF-8", Post("/api/preview", "{\"user_id\": \"\xff\xfe\"}"), 400,
       ""},
      {"bytes", Post("/api/preview", std::string(1000, '\0')), 400, "request"},
      {"no history", Post("/api/preview", "{}"), 400, "history"},
      {"previous",
       Post("/api/preview", R"({"previous": {"decision_token": "AAAA"}})"), 400,
       "previous"},
      {"too large a body", Post("/api/preview", large), 413, "body"},
      {"an endless body",
       "POST /api/preview" + host +
           "Content-Length: 99999999999999999999\r\n\r\n" +
           std::string(2 << 20, 'x'),
       413, "body"},
      {"a negative one",
       "POST /api/preview" + host + "Content-Length: -1\r\n\r\n", 411, ""},
      {"chunks",
       "POST /api/preview" + host +
           "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
       411, "Content-Length"},
      {"no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400,
       ""},
      {"a large header",
       "GET /" + host + "X: " + std::string(20000, 'x') + "\r\n\r\n", 400, ""},
      {"too new", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 505, ""},
  };
  const Json before = State();
  for (const auto& test : kCases) {
    const auto [status, message] = Refused(test.bytes);
    // What is never read to its end may meet a reset.
    if (status != 0) {
      EXPECT_EQ(status, test.status) << test.what << ": " << message;
      EXPECT_THAT(message, HasSubstr(test.message)) << test.what;
    } else {
      EXPECT_STREQ(test.what, "an endless body");
    }
  }
  EXPECT_EQ(State(), before);
  ExpectServing();
}

// Peers that send a byte now and then, for as long as they are let.
TEST_F(ConsoleTest, SlowPeersAreCutAndPromptsDoNotWaitForThem) {
  const std::string kHeader =
      "POST /api/preview HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: 100000\r\n";
  const absl::Time start = absl::Now();
  std::vector<std::thread> peers;
  std::vector<absl::Duration> held(6);
  for (size_t i = 0; i < held.size(); ++i) {
    peers.emplace_back([&, i] {
      const UniqueFd fd = ConnectTcp(port());
      const std::string head = i % 2 == 0 ? kHeader : kHeader + "\r\n";
      ::send(fd.get(), head.data(), head.size(), MSG_NOSIGNAL);
      timeval pause = {.tv_sec = 0, .tv_usec = 200000};
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof(pause));
      char byte = 0;
      // Each wait for an answer is the pause between two bytes.
      do {
        if (::send(fd.get(), "x", 1, MSG_NOSIGNAL) <= 0) break;
      } while (::recv(fd.get(), &byte, 1, 0) < 0 && errno == EAGAIN);
      held[i] = absl::Now() - start;
    });
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(server_.GetPrompt(SampleRequest()).first.ok());
  }
  for (std::thread& peer : peers) peer.join();
  // Four at a time, each for at most five seconds and a piece.
  EXPECT_THAT(held, Each(::testing::Lt(absl::Seconds(30))));
  ExpectServing();
}

TEST_F(ConsoleTest, AThousandConnectionsDoNotDisturbPrompts) {
  rlimit files = {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  std::vector<UniqueFd> peers;
  for (int i = 0; i < 1000; ++i) {
    // Does not wait: the kernel's queue is shorter than that.
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)::connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                    sizeof(address));
    peers.push_back(std::move(fd));
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(server_.GetPrompt(SampleRequest()).first.ok());
  }
  peers.clear();
  ExpectServing();
}

TEST_F(ConsoleTest, AnswersWhoeverAsksWithAnyNameBeyondThisMachine) {
  config_.console_listen = "0.0.0.0:0";
  server_.Restart(config_);
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: attune.shop.example\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
}

TEST(HttpEndpointTest, NamesTheSettingWhenItCannotListen) {
  const auto start = [](const std::string& address) {
    return HttpEndpoint::Start(
               {"console_listen", address},
               [](const HttpRequest&) { return HttpResponse(); })
        .status();
  };
  for (const char* address :
       {"", "127.0.0.1", ":80", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:0s",
        "127.0.0.1:0,127.0.0.1:0", "127.0.0.1:65536"}) {
    EXPECT_THAT(start(address), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("console_listen")))
        << address;
  }
  auto first =
      HttpEndpoint::Start({"console_listen", "127.0.0.1:0"},
                          [](const HttpRequest&) { return HttpResponse(); });
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(
      start(absl::StrCat("127.0.0.1:", (*first)->port())),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("console_listen")));
}

}  // namespace
}  // namespace attune::server
