// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "server/revision_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "server/error_reason.h"
#include "tests/testing/status_matchers.h"

namespace attune::server {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::string ReasonFor(const NumberClaim& claim) {
  const absl::Status status = CheckNumber(claim);
  if (status.ok()) return "";
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
  return ReasonOf(status);
}

TEST(RevisionNumbersTest, NewBytesNeedANewNumber) {
  constexpr char kNotNew[] = "REVISION_NUMBER_NOT_NEW";
  constexpr char kTooHigh[] = "REVISION_NUMBER_TOO_HIGH";
  EXPECT_EQ(ReasonFor({.number = 1, .highest = 0}), "");
  EXPECT_EQ(ReasonFor({.number = 8, .highest = 7}), "");
  EXPECT_EQ(ReasonFor({.number = 7, .highest = 7}), kNotNew);
  EXPECT_EQ(ReasonFor({.number = 1, .highest = 7}), kNotNew);
  EXPECT_EQ(ReasonFor({.number = kMaxNumberStep, .highest = 0}), "");
  EXPECT_EQ(ReasonFor({.number = kMaxNumberStep + 1, .highest = 0}), kTooHigh);
  EXPECT_EQ(ReasonFor({.number = 7 + kMaxNumberStep, .highest = 7}), "");
  EXPECT_EQ(ReasonFor({.number = 8 + kMaxNumberStep, .highest = 7}), kTooHigh);
  EXPECT_EQ(ReasonFor({.number = kMax, .highest = 7}), kTooHigh);
  EXPECT_EQ(ReasonFor({.number = kMax, .highest = kMax - 1}), "");
  EXPECT_EQ(ReasonFor({.number = kMax, .highest = kMax}), kNotNew);
}

TEST(RevisionNumbersTest, AcceptedBytesAreWelcomeAgain) {
  EXPECT_EQ(ReasonFor({.number = 3, .highest = 7, .accepted_as = 3}), "");
  EXPECT_EQ(ReasonFor({.number = 7, .highest = 7, .accepted_as = 7}), "");
  // Signed again with another number, they need a new one.
  EXPECT_EQ(ReasonFor({.number = 8, .highest = 7, .accepted_as = 3}), "");
  EXPECT_NE(ReasonFor({.number = 4, .highest = 7, .accepted_as = 3}), "");
  EXPECT_NE(ReasonFor({.number = 7, .highest = 7, .accepted_as = 3}), "");
}

// Whoever may only push cannot bring an older revision back.
TEST(RevisionNumbersTest, OnlyTheHighestActivates) {
  EXPECT_EQ(
      ReasonFor(
          {.number = 3, .highest = 7, .accepted_as = 3, .activates = true}),
      "REVISION_NUMBER_NOT_NEW");
  EXPECT_EQ(
      ReasonFor(
          {.number = 7, .highest = 7, .accepted_as = 7, .activates = true}),
      "");
  EXPECT_EQ(ReasonFor({.number = 8, .highest = 7, .activates = true}), "");
}

TEST(RevisionNumbersTest, SurviveTheirFile) {
  const RevisionNumbers numbers = {{"games", {kMax, std::string(64, 'a')}},
                                   {"movies", {7, std::string(64, 'b')}}};
  const auto parsed = ParseNumbers(PrintNumbers(numbers));
  ASSERT_THAT(parsed, IsOk());
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ(parsed->at("games").number, kMax);
  EXPECT_EQ(parsed->at("movies").number, 7);
  EXPECT_EQ(parsed->at("movies").digest, std::string(64, 'b'));
  EXPECT_THAT(ParseNumbers(PrintNumbers({})), IsOk());
}

TEST(RevisionNumbersTest, AreNotGuessedFromADamagedFile) {
  const std::string digest(64, 'a');
  const auto entry = [&](const std::string& policy, const std::string& number,
                         const std::string& of) {
    return R"({"policy":)" + policy + R"(,"number":)" + number +
           R"(,"digest":")" + of + R"("})";
  };
  const auto file = [](const std::string& entries) {
    return R"({"format":1,"policies":[)" + entries + "]}";
  };
  const std::string good = entry(R"("movies")", "7", digest);
  ASSERT_THAT(ParseNumbers(file(good)), IsOk());
  for (const std::string& bytes :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
        std::string(R"({"format":2,"policies":[]})"),
        std::string(R"({"format":1,"policies":{}})"), file("7"),
        file(good + "," + good), file(entry(R"("../x")", "7", digest)),
        file(entry("7", "7", digest)), file(entry(R"("movies")", "0", digest)),
        file(entry(R"("movies")", "-1", digest)),
        file(entry(R"("movies")", "7.5", digest)),
        file(entry(R"("movies")", "1e400", digest)),
        file(entry(R"("movies")", R"("7")", digest)),
        file(entry(R"("movies")", "7", "ab"))}) {
    EXPECT_THAT(ParseNumbers(bytes), StatusIs(absl::StatusCode::kDataLoss))
        << bytes;
  }
}

}  // namespace
}  // namespace attune::server
