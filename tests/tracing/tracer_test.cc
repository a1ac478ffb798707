// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "tracing/tracer.h"

#include <algorithm>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "policy/random.h"
#include "tests/tracing/spans.h"

namespace attune::tracing {
namespace {

constexpr uint64_t kSeed = 17;

class TracerTest : public ::testing::Test {
 protected:
  Tracer WithRatio(double ratio) {
    return Tracer({.exporter = &kept_,
                   .ratio = ratio,
                   .clock = [this] { return now_; },
                   .random =
                       [this](absl::Span<uint8_t> bytes) {
                         for (uint8_t& b : bytes)
                           b = static_cast<uint8_t>(rng_());
                       }});
  }
  TraceContext Parent(bool sampled) {
    TraceContext parent = SampleSpan().context;
    parent.sampled = sampled;
    parent.tracestate = "congo=t61";
    return parent;
  }

  KeptSpans kept_;
  absl::Time now_ = absl::FromUnixSeconds(1764000000);
  policy::Rng rng_{kSeed};
};

TEST_F(TracerTest, ASpanHasItsParentsTraceAndAnIdOfItsOwn) {
  const Tracer tracer = WithRatio(0.0);
  const TraceContext parent = Parent(true);
  auto span = tracer.Start("call", SpanKind::kServer, &parent);
  ASSERT_TRUE(span.has_value());
  now_ += absl::Milliseconds(5);
  tracer.End(*std::move(span));
  ASSERT_EQ(kept_.spans().size(), 1u);
  const Span kept = kept_.spans()[0];
  EXPECT_EQ(kept.context.trace_id, parent.trace_id);
  EXPECT_EQ(kept.parent, parent.span_id);
  EXPECT_NE(kept.context.span_id, parent.span_id);
  EXPECT_EQ(kept.context.tracestate, "congo=t61");
  EXPECT_TRUE(kept.context.sampled);
  EXPECT_EQ(kept.end - kept.start, absl::Milliseconds(5));
}

TEST_F(TracerTest, WhatTheParentDoesNotRecordIsNotRecorded) {
  const Tracer tracer = WithRatio(1.0);
  const TraceContext parent = Parent(false);
  EXPECT_FALSE(tracer.Start("call", SpanKind::kServer, &parent).has_value());
}

TEST_F(TracerTest, OfTracesThatBeginHereAShareIsRecorded) {
  const Tracer all = WithRatio(1.0);
  const Tracer none = WithRatio(0.0);
  const Tracer some = WithRatio(0.1);
  int recorded = 0;
  std::set<std::string> traces;
  for (int i = 0; i < 10000; ++i) {
    auto span = all.Start("call", SpanKind::kServer);
    ASSERT_TRUE(span.has_value());
    EXPECT_FALSE(span->parent.has_value());
    traces.insert(ToHex(span->context.trace_id));
    EXPECT_FALSE(none.Start("call", SpanKind::kServer).has_value());
    recorded += some.Start("call", SpanKind::kServer).has_value() ? 1 : 0;
  }
  EXPECT_EQ(traces.size(), 10000u);
  // Five standard deviations.
  EXPECT_NEAR(recorded, 1000, 150);
}

TEST_F(TracerTest, TheTracesIdDecidesWhetherItIsRecorded) {
  std::array<uint8_t, 16> id = {};
  const auto tracer = [&](double ratio) {
    return Tracer({.exporter = &kept_,
                   .ratio = ratio,
                   .clock = [this] { return now_; },
                   .random =
                       [&id](absl::Span<uint8_t> bytes) {
                         std::copy_n(id.begin(), bytes.size(), bytes.begin());
                       }});
  };
  id[9] = 0x80;  // the largest of 56 bits
  EXPECT_TRUE(tracer(0.5).Start("a", SpanKind::kServer).has_value());
  EXPECT_FALSE(tracer(0.49).Start("a", SpanKind::kServer).has_value());
  id[9] = 0x7f;
  EXPECT_FALSE(tracer(0.5).Start("a", SpanKind::kServer).has_value());
}

TEST_F(TracerTest, IdsAreNeverZeros) {
  const Tracer tracer({.exporter = &kept_,
                       .clock = [this] { return now_; },
                       .random =
                           [](absl::Span<uint8_t> bytes) {
                             std::fill(bytes.begin(), bytes.end(), 0);
                           }});
  const auto span = tracer.Start("call", SpanKind::kInternal);
  EXPECT_TRUE(ParseTraceparent(FormatTraceparent(span->context)).has_value());
}

TEST_F(TracerTest, AClockThatIsSetBackMakesNoNegativeTime) {
  const Tracer tracer = WithRatio(1.0);
  auto span = tracer.Start("call", SpanKind::kInternal);
  now_ -= absl::Hours(1);
  tracer.End(*std::move(span));
  EXPECT_EQ(kept_.spans()[0].end, kept_.spans()[0].start);
}

}  // namespace
}  // namespace attune::tracing
