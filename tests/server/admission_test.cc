// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/admission.h"

#include "gtest/gtest.h"

namespace attune::server {
namespace {

using std::chrono::microseconds;

constexpr absl::Duration kForever = absl::InfiniteDuration();

// Reports calls of one length until the pace has settled.
void Settle(Admission& admission, std::chrono::nanoseconds spent) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(admission.Enter(1, kForever).ok());
    admission.Leave(1, spent);
  }
}

TEST(AdmissionTest, RefusesCallsBeyondTheLimitAndAdmitsAgain) {
  Admission admission({.threads = 1, .max_calls = 2});
  EXPECT_TRUE(admission.Enter(1, kForever).ok());
  EXPECT_TRUE(admission.Enter(1, kForever).ok());
  const absl::Status refused = admission.Enter(1, kForever);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(admission.calls(), 2);
  admission.Leave(1, microseconds(20));
  EXPECT_TRUE(admission.Enter(1, kForever).ok());
}

TEST(AdmissionTest, LimitsTheWaitAtThePaceOfTheCalls) {
  Admission admission({.threads = 2, .max_wait = absl::Milliseconds(20)});
  EXPECT_TRUE(admission.IsQuick());
  EXPECT_EQ(admission.limit(), 1024);
  Settle(admission, microseconds(1000));
  EXPECT_FALSE(admission.IsQuick());
  EXPECT_NEAR(admission.limit(), 40, 2);
  // However slow: a call for each thread and one that waits.
  Settle(admission, std::chrono::seconds(1));
  EXPECT_EQ(admission.limit(), 4);
  Settle(admission, microseconds(10));
  EXPECT_TRUE(admission.IsQuick());
  EXPECT_EQ(admission.limit(), 1024);
}

TEST(AdmissionTest, OneSuspendedCallChangesLittle) {
  Admission admission({.threads = 2});
  Settle(admission, microseconds(10));
  ASSERT_TRUE(admission.Enter(1, kForever).ok());
  admission.Leave(1, std::chrono::seconds(5));
  EXPECT_TRUE(admission.IsQuick());
}

TEST(AdmissionTest, RefusesWhatCannotBeAnsweredInTime) {
  Admission admission({.threads = 1});
  Settle(admission, microseconds(1000));
  EXPECT_EQ(admission.Enter(1, absl::Microseconds(100)).code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(admission.Enter(1, absl::ZeroDuration()).code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(admission.calls(), 0);
  EXPECT_TRUE(admission.Enter(1, absl::Milliseconds(10)).ok());
}

// Once slow is not slow for ever, though nobody may wait to find out.
TEST(AdmissionTest, TriesOneOfManyCallsWithLittleTimeLeft) {
  Admission admission({.threads = 1});
  Settle(admission, microseconds(50'000));
  int refused = 0;
  while (!admission.Enter(1, absl::Milliseconds(20)).ok()) {
    ASSERT_LT(++refused, 10'000);
  }
  EXPECT_GT(refused, 500);
  // Still slow: most are refused again.
  admission.Leave(1, microseconds(50'000));
  EXPECT_FALSE(admission.Enter(1, absl::Milliseconds(20)).ok());
  // Calls whose time is over say nothing.
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(admission.Enter(1, absl::ZeroDuration()).ok());
  }
  EXPECT_FALSE(admission.Enter(1, absl::Milliseconds(20)).ok());
}

TEST(AdmissionTest, AdmitsABatchWholeOrNotAtAll) {
  Admission admission({.threads = 1, .max_calls = 10});
  // Alone even if it is larger than the limit.
  EXPECT_TRUE(admission.Enter(64, kForever).ok());
  EXPECT_FALSE(admission.Enter(1, kForever).ok());
  admission.Leave(64, microseconds(640));
  EXPECT_TRUE(admission.Enter(8, kForever).ok());
  EXPECT_FALSE(admission.Enter(3, kForever).ok());
  EXPECT_TRUE(admission.Enter(2, kForever).ok());
}

TEST(AdmissionTest, SaysWhenToTryAgain) {
  Admission admission({.threads = 2, .max_wait = absl::Seconds(1)});
  EXPECT_EQ(admission.RetryAfter(), absl::Milliseconds(1));
  Settle(admission, microseconds(1000));
  ASSERT_TRUE(admission.Enter(100, kForever).ok());
  EXPECT_NEAR(absl::ToDoubleMilliseconds(admission.RetryAfter()), 50, 3);
}

}  // namespace
}  // namespace attune::server
