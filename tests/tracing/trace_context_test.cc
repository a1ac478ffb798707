// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/trace_context.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace attune::tracing {
namespace {

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kSpan[] = "00f067aa0ba902b7";

std::string Traceparent(const std::string& version, const std::string& trace,
                        const std::string& span, const std::string& flags) {
  return version + "-" + trace + "-" + span + "-" + flags;
}

TEST(TraceContextTest, ReadsTheExampleOfTheStandard) {
  const auto context = ParseTraceparent(Traceparent("00", kTrace, kSpan, "01"));
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(ToHex(context->trace_id), kTrace);
  EXPECT_EQ(ToHex(context->span_id), kSpan);
  EXPECT_TRUE(context->sampled);
}

TEST(TraceContextTest, WritesWhatItRead) {
  for (const char* flags : {"00", "01"}) {
    const std::string text = Traceparent("00", kTrace, kSpan, flags);
    EXPECT_EQ(FormatTraceparent(ParseTraceparent(text).value()), text);
  }
}

TEST(TraceContextTest, OfTheFlagsOnlySampledCounts) {
  EXPECT_TRUE(
      ParseTraceparent(Traceparent("00", kTrace, kSpan, "ff"))->sampled);
  EXPECT_FALSE(
      ParseTraceparent(Traceparent("00", kTrace, kSpan, "fe"))->sampled);
}

TEST(TraceContextTest, RefusesWhatTheStandardCallsInvalid) {
  const std::string zeros(32, '0');
  const std::string good = Traceparent("00", kTrace, kSpan, "01");
  std::string upper = good;
  upper[4] = 'B';
  for (const std::string& bad :
       {std::string(), std::string("00"), upper, good + "-", good + "-00",
        " " + good, good + " ", good.substr(0, 54),
        Traceparent("ff", kTrace, kSpan, "01"),
        Traceparent("0x", kTrace, kSpan, "01"),
        Traceparent("00", zeros, kSpan, "01"),
        Traceparent("00", kTrace, zeros.substr(0, 16), "01"),
        Traceparent("00", kTrace, kSpan, "0g"),
        Traceparent("00", kSpan, kTrace, "01"),
        Traceparent("00", kTrace, kSpan, "1"),
        Traceparent("0", kTrace, kSpan, "01")}) {
    EXPECT_FALSE(ParseTraceparent(bad).has_value()) << bad;
  }
}

TEST(TraceContextTest, ALaterVersionCountsForWhatThisOneKnows) {
  const std::string later = Traceparent("cc", kTrace, kSpan, "01");
  EXPECT_TRUE(ParseTraceparent(later).has_value());
  EXPECT_TRUE(ParseTraceparent(later + "-what-comes").has_value());
  EXPECT_FALSE(ParseTraceparent(later + ".what-comes").has_value());
  EXPECT_EQ(FormatTraceparent(*ParseTraceparent(later)),
            Traceparent("00", kTrace, kSpan, "01"));
}

// Whatever comes in, what is read is written as something that reads the same.
TEST(TraceContextTest, RandomChangesGiveNothingOrAValidContext) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::string good = Traceparent("00", kTrace, kSpan, "01");
  const std::string alphabet("0123456789abcdefABCDEFg- \0\xff", 27);
  int read = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (int changes = 1 + random() % 3; changes > 0; --changes) {
      text[random() % text.size()] = alphabet[random() % alphabet.size()];
    }
    if (random() % 8 == 0) text.resize(random() % 60);
    const auto context = ParseTraceparent(text);
    if (!context.has_value()) continue;
    ++read;
    const auto again = ParseTraceparent(FormatTraceparent(*context));
    ASSERT_TRUE(again.has_value()) << text;
    EXPECT_EQ(again->trace_id, context->trace_id);
    EXPECT_EQ(again->span_id, context->span_id);
  }
  EXPECT_GT(read, 100);
}

TEST(TraceContextTest, TracestateIsPassedOnUpTo512Bytes) {
  EXPECT_TRUE(MayPassOn("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
  EXPECT_TRUE(MayPassOn(std::string(512, 'x')));
  EXPECT_FALSE(MayPassOn(std::string(513, 'x')));
  EXPECT_FALSE(MayPassOn("a=b\r\nc: d"));
  EXPECT_FALSE(MayPassOn("a=\xc3\xa4"));
}

}  // namespace
}  // namespace attune::tracing
