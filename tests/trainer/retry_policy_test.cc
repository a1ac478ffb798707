// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/retry_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace attune::trainer {
namespace {

using std::chrono::milliseconds;

const absl::Status kFault = absl::UnavailableError("x");

RetryPolicy Policy() {
  return {.max_attempts = 6,
          .max_malformed = 2,
          .base = milliseconds(100),
          .max_wait = milliseconds(1000)};
}

TEST(WaitBeforeRetryTest, StaysBelowADoublingCeiling) {
  policy::Rng rng(1);
  const int ceilings[] = {100, 200, 400, 800, 1000};
  for (int attempts = 1; attempts <= 5; ++attempts) {
    milliseconds longest(0);
    for (int i = 0; i < 1000; ++i) {
      const auto wait =
          WaitBeforeRetry(Policy(), kFault, attempts, 0, std::nullopt, rng);
      ASSERT_TRUE(wait.has_value());
      longest = std::max(longest, *wait);
    }
    EXPECT_LE(longest.count(), ceilings[attempts - 1]);
    EXPECT_GT(longest.count(), ceilings[attempts - 1] * 9 / 10);
  }
}

TEST(WaitBeforeRetryTest, ObeysRetryAfterUpToTheLongestWait) {
  policy::Rng rng(1);
  EXPECT_EQ(WaitBeforeRetry(Policy(), kFault, 1, 0, milliseconds(700), rng),
            milliseconds(700));
  EXPECT_EQ(WaitBeforeRetry(Policy(), kFault, 1, 0, milliseconds(90000), rng),
            milliseconds(1000));
}

TEST(WaitBeforeRetryTest, GivesUpAfterTheLastAttempt) {
  policy::Rng rng(1);
  EXPECT_TRUE(
      WaitBeforeRetry(Policy(), kFault, 5, 0, std::nullopt, rng).has_value());
  EXPECT_FALSE(
      WaitBeforeRetry(Policy(), kFault, 6, 0, std::nullopt, rng).has_value());
  EXPECT_FALSE(WaitBeforeRetry(Policy(), absl::DataLossError("x"), 2, 2,
                               std::nullopt, rng)
                   .has_value());
}

TEST(WaitBeforeRetryTest, GivesUpWhatWouldFailAgain) {
  policy::Rng rng(1);
  for (const absl::Status& status :
       {absl::OkStatus(), absl::InvalidArgumentError("x"),
        absl::UnauthenticatedError("x"), absl::NotFoundError("x"),
        absl::ResourceExhaustedError("x")}) {
    EXPECT_FALSE(
        WaitBeforeRetry(Policy(), status, 1, 0, std::nullopt, rng).has_value())
        << status;
  }
}

TEST(ParseRetryAfterTest, ReadsSecondsAndNothingElse) {
  EXPECT_EQ(ParseRetryAfter(" 2\r\n"), milliseconds(2000));
  EXPECT_EQ(ParseRetryAfter("0.5"), milliseconds(500));
  EXPECT_EQ(ParseRetryAfter("1e300"), milliseconds(86400000));
  EXPECT_EQ(ParseRetryAfter("-1"), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("nan"), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("Wed, 21 Oct 2026 07:28:00 GMT"), std::nullopt);
  EXPECT_EQ(ParseRetryAfter(""), std::nullopt);
}

}  // namespace
}  // namespace attune::trainer
