// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/otlp_json.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gtest/gtest.h"
#include "tests/tracing/spans.h"

namespace attune::tracing {
namespace {

using Json = nlohmann::json;

// The whole body, as the specification's example has it.
TEST(OtlpJsonTest, WritesARequestAsTheSpecificationSays) {
  Span span = SampleSpan("call");
  span.parent = SpanId{1, 2, 3, 4, 5, 6, 7, 8};
  span.context.tracestate = "congo=t61";
  span.failed = true;
  span.Set("attune.candidates", 10);
  span.Set("attune.mode", std::string("DECISION_MODE_SAMPLE"));
  const std::string json =
      ToOtlpJson({{{"service.name", std::string("attune_server")}}}, {span});
  EXPECT_EQ(Json::parse(json), Json::parse(R"({"resourceSpans": [{
    "resource": {"attributes": [
      {"key": "service.name", "value": {"stringValue": "attune_server"}}]},
    "scopeSpans": [{"scope": {"name": "attune"}, "spans": [{
      "traceId": "0102030405060708090a0b0c0d0e0f10",
      "spanId": "a1a2a3a4a5a6a7a8",
      "parentSpanId": "0102030405060708",
      "traceState": "congo=t61",
      "flags": 1,
      "name": "call",
      "kind": 2,
      "startTimeUnixNano": "1764000000000000000",
      "endTimeUnixNano": "1764000001000000000",
      "attributes": [
        {"key": "attune.candidates", "value": {"intValue": "10"}},
        {"key": "attune.mode", "value": {"stringValue": "DECISION_MODE_SAMPLE"}}],
      "status": {"code": 2}}]}]}]})"));
}

TEST(OtlpJsonTest, TextThatIsNotUtf8IsReplaced) {
  Span span = SampleSpan();
  span.Set("text", std::string("a\xff") + "b");
  EXPECT_NE(ToOtlpJson({}, {span})
                .find("a\xef\xbf\xbd"
                      "b"),
            std::string::npos);
}

TEST(OtlpJsonTest, ReadsHowManySpansWereRefused) {
  EXPECT_EQ(RejectedSpans(R"({"partialSuccess":{"rejectedSpans":"3"}})"), 3);
  EXPECT_EQ(RejectedSpans(R"({"partialSuccess":{"rejectedSpans":3}})"), 3);
  for (const char* none :
       {"", "{}", "[]", "garbage", "{\"partialSuccess\":{}}",
        "{\"partialSuccess\":7}", R"({"partialSuccess":{"rejectedSpans":"x"}})",
        R"({"partialSuccess":{"rejectedSpans":-3}})",
        R"({"partialSuccess":{"errorMessage":"deprecated"}})"}) {
    EXPECT_EQ(RejectedSpans(none), 0) << none;
  }
}

}  // namespace
}  // namespace attune::tracing
