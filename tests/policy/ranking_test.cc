// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/ranking.h"

#include <cmath>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 20261124;

const std::vector<std::string>& Titles() {
  static const auto* const kTitles = new std::vector<std::string>{
      "A Bug's Life (1998)", "Heat (1995)", "M", "A.I.", "I, Robot"};
  return *kTitles;
}

// Reads an answer about Titles(), displayed in the caller's order.
Ranking Read(std::string_view answer) {
  return ParseGenerated(answer, Titles(), Permutation::Identity(5));
}

TEST(PermutationTest, PositionsAndCandidatesAreInverse) {
  Rng rng(kSeed);
  const Permutation permutation = Permutation::Random(26, rng);
  for (int i = 0; i < 26; ++i) {
    EXPECT_EQ(permutation.PositionOf(permutation.CandidateAt(i)), i);
    EXPECT_EQ(permutation.CandidateAt(permutation.PositionOf(i)), i);
  }
}

TEST(PermutationTest, RandomShowsEachCandidateEverywhereEquallyOften) {
  RecordProperty("seed", std::to_string(kSeed));
  std::cout << "seed " << kSeed << "\n";
  Rng rng(kSeed);
  constexpr int kSize = 5;
  constexpr int kDraws = 50000;
  int counts[kSize][kSize] = {};
  for (int i = 0; i < kDraws; ++i) {
    const Permutation permutation = Permutation::Random(kSize, rng);
    for (int c = 0; c < kSize; ++c) ++counts[c][permutation.PositionOf(c)];
  }
  // Five standard deviations of a binomial with p = 1/5.
  const double tolerance = 5.0 * std::sqrt(kDraws * 0.2 * 0.8);
  for (const auto& row : counts) {
    for (const int count : row) EXPECT_NEAR(count, kDraws / 5, tolerance);
  }
}

TEST(PermutationTest, WithFixedHoldsOneCandidateAndMovesTheOthers) {
  Rng rng(kSeed);
  int first_of_others[10] = {};
  for (int i = 0; i < 9000; ++i) {
    const Permutation permutation = Permutation::WithFixed(10, 3, 7, rng);
    ASSERT_EQ(permutation.PositionOf(3), 7);
    ASSERT_EQ(permutation.CandidateAt(7), 3);
    ++first_of_others[permutation.CandidateAt(0)];
  }
  for (int c = 0; c < 10; ++c) {
    EXPECT_NEAR(first_of_others[c], c == 3 ? 0 : 1000, c == 3 ? 0 : 150);
  }
}

TEST(LabelTest, IsALetter) {
  EXPECT_EQ(Label(0), "A");
  EXPECT_EQ(Label(25), "Z");
}

TEST(ParseGeneratedTest, ReadsLabelsInEveryForm) {
  for (const char* answer :
       {"C\nA\nE\nB\nD", "C, A, E, B, D", "C > A > E > B > D",
        "1. C\n2. A\n3. E\n4. B\n5. D", "1) C\n2) A\n3) E\n4) B\n5) D",
        "C.\nA.\nE.\nB.\nD.", "(C)\n(A)\n(E)\n(B)\n(D)",
        "- C\n- A\n- E\n- B\n- D", "c, a, e, b, d", "C A E B D",
        "  C \r\n\r\n A\r\nE\r\nB\r\nD\r\n",
        "**C**\n**A**\n**E**\n**B**\n**D**",
        "C. M\nA. A Bug's Life (1998)\nE. I, Robot\nB. Heat (1995)\nD. A.I.",
        "Here is my ranking:\nC\nA\nE\nB\nD"}) {
    const Ranking ranking = Read(answer);
    EXPECT_THAT(ranking.candidates, ElementsAre(2, 0, 4, 1, 3)) << answer;
    EXPECT_EQ(ranking.status, ParseStatus::kComplete) << answer;
  }
}

TEST(ParseGeneratedTest, ReadsTitlesOneALine) {
  const Ranking ranking = Read(
      "1. heat (1995)\n2. \"A Bug's Life (1998)\"\n3. A.I.\n4. I, Robot\n5. C");
  EXPECT_THAT(ranking.candidates, ElementsAre(1, 0, 3, 4, 2));
  EXPECT_EQ(ranking.status, ParseStatus::kComplete);
}

TEST(ParseGeneratedTest, NeverTakesALetterOfATitleForALabel) {
  // Neither the article of the first nor the initials of the others.
  const Ranking ranking = Read("I, Robot\nA.I.\nA Bug's Life (1998)");
  EXPECT_THAT(ranking.candidates, ElementsAre(4, 3, 0, 1, 2));
  EXPECT_EQ(ranking.status, ParseStatus::kPartial);
  const Ranking unknown = Read("A Beautiful Mind\nE.T.\nBeing There");
  EXPECT_EQ(unknown.status, ParseStatus::kFailed);
}

TEST(ParseGeneratedTest, TakesAOneLetterTitleWhereNoSuchLabelIsShown) {
  const Ranking ranking = Read("M\nB\nA\nD\nE");
  EXPECT_THAT(ranking.candidates, ElementsAre(2, 1, 0, 3, 4));
  EXPECT_EQ(ranking.status, ParseStatus::kComplete);
}

TEST(ParseGeneratedTest, AppendsMissingCandidatesInDisplayedOrder) {
  Rng rng(kSeed);
  const Permutation permutation = Permutation::Random(5, rng);
  std::vector<std::string> displayed;
  for (int i = 0; i < 5; ++i) {
    displayed.push_back(Titles()[permutation.CandidateAt(i)]);
  }
  const Ranking ranking = ParseGenerated("D, B", displayed, permutation);
  EXPECT_THAT(
      ranking.candidates,
      ElementsAre(permutation.CandidateAt(3), permutation.CandidateAt(1),
                  permutation.CandidateAt(0), permutation.CandidateAt(2),
                  permutation.CandidateAt(4)));
  EXPECT_EQ(ranking.status, ParseStatus::kPartial);
}

TEST(ParseGeneratedTest, CountsTheFirstOfARepeatedCandidate) {
  const Ranking ranking = Read("B, A, B, C, D, E");
  EXPECT_THAT(ranking.candidates, ElementsAre(1, 0, 2, 3, 4));
  EXPECT_EQ(ranking.status, ParseStatus::kPartial);
  EXPECT_EQ(Read("B\nHeat (1995)\nA\nC\nD\nE").status, ParseStatus::kPartial);
}

TEST(ParseGeneratedTest, DropsUnknownEntries) {
  for (const char* answer : {"E, Q, D, C, B, A", "E\nZ. Ran\nD\nC\nB\nA",
                             "1. E\n2. Casablanca\n3. D\n4. C\n5. B\n6. A"}) {
    const Ranking ranking = Read(answer);
    EXPECT_THAT(ranking.candidates, ElementsAre(4, 3, 2, 1, 0)) << answer;
    EXPECT_EQ(ranking.status, ParseStatus::kPartial) << answer;
  }
}

TEST(ParseGeneratedTest, IsPartialWhenALabelContradictsItsTitle) {
  // The label counts: labels come first.
  const Ranking ranking = Read("B. A.I.\nA\nC\nD\nE");
  EXPECT_THAT(ranking.candidates, ElementsAre(1, 0, 2, 3, 4));
  EXPECT_EQ(ranking.status, ParseStatus::kPartial);
}

TEST(ParseGeneratedTest, TakesEqualTitlesInDisplayedOrder) {
  const std::vector<std::string> titles = {"Ran", "Heat", "Ran"};
  const auto read = [&](std::string_view answer) {
    return ParseGenerated(answer, titles, Permutation::Identity(3));
  };
  EXPECT_THAT(read("Ran\nRan\nHeat").candidates, ElementsAre(0, 2, 1));
  EXPECT_EQ(read("Ran\nRan\nHeat").status, ParseStatus::kComplete);
  // Labels tell them apart.
  EXPECT_THAT(read("C. Ran\nA. Ran\nB").candidates, ElementsAre(2, 0, 1));
  EXPECT_EQ(read("C. Ran\nA. Ran\nB").status, ParseStatus::kComplete);
}

TEST(ParseGeneratedTest, FailsWhenNothingIsRecognised) {
  for (const char* answer :
       {"", "\n\n", "I cannot rank these movies.", "{\"error\": 500}",
        "<html><body>Bad gateway</body></html>", "1. 2. 3."}) {
    const Ranking ranking = Read(answer);
    EXPECT_THAT(ranking.candidates, ElementsAre(0, 1, 2, 3, 4)) << answer;
    EXPECT_EQ(ranking.status, ParseStatus::kFailed) << answer;
  }
}

TEST(ParseGeneratedTest, IsAlwaysAPermutation) {
  RecordProperty("seed", std::to_string(kSeed));
  std::cout << "seed " << kSeed << "\n";
  Rng rng(kSeed);
  constexpr std::string_view kAlphabet = "ABCDEFZ,.)> \n1-mMheatI'\"(\xFF";
  for (int i = 0; i < 20000; ++i) {
    std::string answer;
    const uint32_t length = rng.Below(30);
    for (uint32_t j = 0; j < length; ++j) {
      answer += kAlphabet[rng.Below(static_cast<uint32_t>(kAlphabet.size()))];
    }
    ASSERT_THAT(Read(answer).candidates,
                ::testing::UnorderedElementsAre(0, 1, 2, 3, 4))
        << ::testing::PrintToString(answer);
  }
}

TEST(RankByScoreTest, RanksByScoreThroughThePermutation) {
  Rng rng(kSeed);
  const Permutation permutation = Permutation::WithFixed(3, 2, 1, rng);
  const auto ranking =
      RankByScore(std::vector<float>{-2.0F, -0.5F, -1.0F}, permutation);
  ASSERT_THAT(ranking, IsOk());
  EXPECT_THAT(ranking->candidates, ElementsAre(2, permutation.CandidateAt(2),
                                               permutation.CandidateAt(0)));
  EXPECT_EQ(ranking->status, ParseStatus::kComplete);
}

TEST(RankByScoreTest, KeepsTheDisplayedOrderOnTies) {
  Rng rng(kSeed);
  const Permutation permutation = Permutation::Random(10, rng);
  const auto ranking = RankByScore(std::vector<float>(10, 0.25F), permutation);
  ASSERT_THAT(ranking, IsOk());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ranking->candidates[i], permutation.CandidateAt(i));
  }
}

TEST(RankByScoreTest, PutsAnImpossibleTitleLast) {
  const float never = -std::numeric_limits<float>::infinity();
  const auto ranking = RankByScore(std::vector<float>{never, -5.0F, -9.0F},
                                   Permutation::Identity(3));
  ASSERT_THAT(ranking, IsOk());
  EXPECT_THAT(ranking->candidates, ElementsAre(1, 2, 0));
}

TEST(RankByScoreTest, RefusesAWrongNumberOfScores) {
  EXPECT_THAT(
      RankByScore(std::vector<float>{1.0F, 2.0F}, Permutation::Identity(3)),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("scores: 2 for 3")));
}

TEST(RankByScoreTest, RefusesNotANumber) {
  EXPECT_THAT(RankByScore(std::vector<float>{1.0F, std::nanf("")},
                          Permutation::Identity(2)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("scores[1]: not a number")));
}

}  // namespace
}  // namespace attune::policy
