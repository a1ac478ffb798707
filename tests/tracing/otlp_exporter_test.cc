// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/otlp_exporter.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fault_http_server.h"
#include "tests/testing/status_matchers.h"
#include "tests/tracing/spans.h"

namespace attune::tracing {
namespace {

using attune::testing::FaultHttpServer;
using attune::testing::HangReply;
using attune::testing::HttpReplyBytes;
using attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::Duration kPatience = absl::Seconds(30);

std::string Endpoint(const FaultHttpServer& receiver) {
  const std::string url = receiver.url();
  return url.substr(0, url.rfind("/v1"));
}

OtlpExporter::Options Quick(const std::string& endpoint) {
  return {.endpoint = endpoint,
          .max_delay = absl::Milliseconds(1),
          .backoff = absl::Milliseconds(1)};
}

std::unique_ptr<OtlpExporter> Make(OtlpExporter::Options options) {
  auto exporter = OtlpExporter::Create(std::move(options));
  EXPECT_TRUE(exporter.ok()) << exporter.status();
  return *std::move(exporter);
}

std::unique_ptr<OtlpExporter> Make(const FaultHttpServer& receiver) {
  return Make(Quick(Endpoint(receiver)));
}

std::vector<std::string> NamesIn(const std::string& body) {
  std::vector<std::string> names;
  const Json json = Json::parse(body);
  for (const Json& span : json["resourceSpans"][0]["scopeSpans"][0]["spans"]) {
    names.push_back(span["name"].get<std::string>());
  }
  return names;
}

// Waits until something that another thread does is so.
template <typename Condition>
bool Eventually(const Condition& condition) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

TEST(OtlpExporterTest, PostsSpansToTheReceiver) {
  FaultHttpServer receiver({HttpReplyBytes(200, "{}")});
  auto options = Quick(Endpoint(receiver) + "/");
  options.headers = {"Authorization: Bearer s3cret"};
  const auto exporter = Make(std::move(options));
  exporter->Export(SampleSpan("one"));
  ASSERT_TRUE(Eventually([&] { return exporter->stats().exported == 1; }));
  exporter->Stop(kPatience);
  const FaultHttpServer::Request request = receiver.seen().at(0);
  EXPECT_THAT(request.head, HasSubstr("POST /v1/traces HTTP/1.1"));
  EXPECT_THAT(request.head, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(request.head, HasSubstr("Authorization: Bearer s3cret"));
  EXPECT_THAT(NamesIn(request.body), ElementsAre("one"));
}

TEST(OtlpExporterTest, SendsAFullBatchBeforeItsTime) {
  FaultHttpServer receiver({HttpReplyBytes(200, "{}")});
  auto options = Quick(Endpoint(receiver));
  options.max_batch = 3;
  options.max_delay = absl::Hours(1);
  const auto exporter = Make(std::move(options));
  for (const char* name : {"a", "b", "c", "d"}) {
    exporter->Export(SampleSpan(name));
  }
  ASSERT_TRUE(Eventually([&] { return exporter->stats().exported == 3; }));
  EXPECT_THAT(NamesIn(receiver.seen().at(0).body), ElementsAre("a", "b", "c"));
  exporter->Stop(kPatience);
  EXPECT_THAT(NamesIn(receiver.seen().at(1).body), ElementsAre("d"));
  EXPECT_EQ(exporter->stats().exported, 4);
}

TEST(OtlpExporterTest, TriesABusyReceiverAgain) {
  for (const int status : {429, 502, 503, 504}) {
    FaultHttpServer receiver(
        {HttpReplyBytes(status, ""), HttpReplyBytes(200, "{}")});
    const auto exporter = Make(receiver);
    exporter->Export(SampleSpan("again"));
    EXPECT_TRUE(Eventually([&] { return exporter->stats().exported == 1; }));
    exporter->Stop(kPatience);
    ASSERT_EQ(receiver.requests(), 2) << status;
    EXPECT_EQ(receiver.seen()[0].body, receiver.seen()[1].body);
    EXPECT_EQ(exporter->stats().dropped_error, 0);
  }
}

TEST(OtlpExporterTest, ComesBackWhenRetryAfterSays) {
  FaultHttpServer receiver({HttpReplyBytes(503, "", "Retry-After: 1\r\n"),
                            HttpReplyBytes(200, "{}")});
  const auto exporter = Make(receiver);
  exporter->Export(SampleSpan());
  ASSERT_TRUE(Eventually([&] { return receiver.requests() == 1; }));
  const absl::Time refused = absl::Now();
  ASSERT_TRUE(Eventually([&] { return exporter->stats().exported == 1; }));
  EXPECT_GE(absl::Now() - refused, absl::Milliseconds(900));
}

TEST(OtlpExporterTest, DropsWhatIsRefusedAndGoesOn) {
  for (const int status : {400, 401, 404, 413, 500, 301}) {
    FaultHttpServer receiver(
        {HttpReplyBytes(status, "no"), HttpReplyBytes(200, "{}")});
    auto options = Quick(Endpoint(receiver));
    options.max_batch = 1;
    std::string reason;
    options.on_failure = [&](const std::string& text) { reason += text; };
    const auto exporter = Make(std::move(options));
    exporter->Export(SampleSpan("refused"));
    exporter->Export(SampleSpan("taken"));
    ASSERT_TRUE(Eventually([&] { return exporter->stats().exported == 1; }));
    exporter->Stop(kPatience);
    EXPECT_EQ(exporter->stats().dropped_error, 1) << status;
    EXPECT_EQ(receiver.requests(), 2);
    EXPECT_EQ(reason, absl::StrCat("HTTP ", status));
  }
}

TEST(OtlpExporterTest, GivesUpAndSaysSoOnce) {
  FaultHttpServer receiver({HttpReplyBytes(503, "")});
  auto options = Quick(Endpoint(receiver));
  options.max_attempts = 3;
  options.max_batch = 1;
  std::atomic<int> told = 0;
  options.on_failure = [&](const std::string&) { ++told; };
  const auto exporter = Make(std::move(options));
  exporter->Export(SampleSpan());
  exporter->Export(SampleSpan());
  ASSERT_TRUE(Eventually([&] { return exporter->stats().dropped_error == 2; }));
  exporter->Stop(kPatience);
  EXPECT_EQ(receiver.requests(), 6);
  EXPECT_EQ(told, 1);
}

TEST(OtlpExporterTest, CountsWhatAReceiverTookInPart) {
  FaultHttpServer receiver({HttpReplyBytes(
      200,
      R"({"partialSuccess":{"rejectedSpans":"1","errorMessage":"old"}})")});
  auto options = Quick(Endpoint(receiver));
  options.max_delay = absl::Hours(1);
  const auto exporter = Make(std::move(options));
  for (int i = 0; i < 3; ++i) exporter->Export(SampleSpan());
  exporter->Stop(kPatience);
  EXPECT_EQ(exporter->stats().exported, 2);
  EXPECT_EQ(exporter->stats().dropped_error, 1);
}

TEST(OtlpExporterTest, AnAnswerThatIsGarbageIsTakenByItsStatus) {
  FaultHttpServer receiver({HttpReplyBytes(200, std::string(1 << 20, '{'))});
  const auto exporter = Make(receiver);
  exporter->Export(SampleSpan());
  EXPECT_TRUE(Eventually([&] { return exporter->stats().exported == 1; }));
}

TEST(OtlpExporterTest, AReceiverThatSpeaksNoHttpCostsItsSpans) {
  FaultHttpServer receiver({std::string("SSH-2.0-OpenSSH_9.2\r\n")});
  const auto exporter = Make(receiver);
  exporter->Export(SampleSpan());
  ASSERT_TRUE(Eventually([&] { return exporter->stats().dropped_error == 1; }));
}

// Its queue is full as long as the receiver does not answer, and whoever exports
// does not notice.
TEST(OtlpExporterTest, AReceiverThatHangsBlocksNobody) {
  FaultHttpServer receiver({HangReply()});
  auto options = Quick(Endpoint(receiver));
  options.max_queued = 8;
  options.max_batch = 4;
  const auto exporter = Make(std::move(options));
  exporter->Export(SampleSpan());
  ASSERT_TRUE(Eventually([&] { return receiver.requests() == 1; }));
  constexpr int kSpans = 10000;
  const absl::Time start = absl::Now();
  for (int i = 0; i < kSpans; ++i) exporter->Export(SampleSpan());
  EXPECT_LT(absl::Now() - start, absl::Seconds(4)) << "a call may take 5 s";
  EXPECT_EQ(exporter->stats().dropped_full, kSpans - 8);
  const absl::Time stop = absl::Now();
  exporter->Stop(absl::Milliseconds(50));
  EXPECT_LT(absl::Now() - stop, absl::Seconds(2));
  EXPECT_EQ(exporter->stats().exported, 0);
  EXPECT_EQ(exporter->stats().dropped_error, 9);
}

TEST(OtlpExporterTest, StopDoesNotWaitForALongRetryAfter) {
  FaultHttpServer receiver({HttpReplyBytes(503, "", "Retry-After: 3600\r\n"),
                            HttpReplyBytes(200, "{}")});
  const auto exporter = Make(receiver);
  exporter->Export(SampleSpan());
  ASSERT_TRUE(Eventually([&] { return receiver.requests() == 1; }));
  exporter->Stop(absl::Seconds(5));
  EXPECT_EQ(exporter->stats().exported, 1) << "one more attempt";
}

TEST(OtlpExporterTest, NobodyListening) {
  std::string endpoint;
  {
    const FaultHttpServer gone({HangReply()});
    endpoint = Endpoint(gone);
  }
  auto options = Quick(endpoint);
  options.max_attempts = 2;
  const auto exporter = Make(std::move(options));
  exporter->Export(SampleSpan());
  EXPECT_TRUE(Eventually([&] { return exporter->stats().dropped_error == 1; }));
}

TEST(OtlpExporterTest, LosesAndDoublesNothingOfManyThreads) {
  FaultHttpServer receiver({HttpReplyBytes(200, "{}")});
  auto options = Quick(Endpoint(receiver));
  options.max_queued = 1 << 14;
  const auto exporter = Make(std::move(options));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 1000; ++i) {
        exporter->Export(SampleSpan(absl::StrCat(t, "/", i)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  exporter->Stop(kPatience);
  EXPECT_EQ(exporter->stats().exported, 4000);
  std::multiset<std::string> names;
  for (const auto& request : receiver.seen()) {
    for (const std::string& name : NamesIn(request.body)) names.insert(name);
  }
  EXPECT_EQ(names.size(), 4000u);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 4000u);
}

TEST(OtlpExporterTest, RefusesAnEndpointThatIsNone) {
  for (const char* bad : {"", "collector:4318", "ftp://collector", "http://",
                          "grpc://c:4317", "http://user:password@collector"}) {
    EXPECT_THAT(
        OtlpExporter::Create({.endpoint = bad}).status(),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must ")))
        << bad;
  }
}

TEST(OtlpHeadersTest, ReadsAHeaderALine) {
  EXPECT_THAT(*ParseHeaders("Authorization: Bearer x\r\n\nX-Scope: shop\n"),
              ElementsAre("Authorization: Bearer x", "X-Scope: shop"));
}

TEST(OtlpHeadersTest, NamesTheLineThatIsNoneAndNotWhatItHolds) {
  for (const char* bad : {"X-A: 1\ns3cret", "X-A: 1\n: s3cret",
                          "X-A: 1\nX s3cret: 1", "X-A: 1\nX: s3cret\x01"}) {
    const absl::Status status = ParseHeaders(bad).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("line 2")));
    EXPECT_EQ(status.message().find("s3cret"), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace attune::tracing
