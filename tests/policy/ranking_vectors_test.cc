// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Answers and what is read from them, in ranking_vectors.json: client/python's
// parser is held to the same file.

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/ranking.h"
#include "policy/sanitizer.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;

const nlohmann::json& Vectors() {
  static const auto* const kVectors = new nlohmann::json(nlohmann::json::parse(
      std::ifstream(ATTUNE_SOURCE_DIR "/tests/policy/ranking_vectors.json")));
  return *kVectors;
}

std::string Name(ParseStatus status) {
  switch (status) {
    case ParseStatus::kComplete:
      return "complete";
    case ParseStatus::kPartial:
      return "partial";
    case ParseStatus::kFailed:
      return "failed";
  }
  return "";
}

TEST(RankingVectorsTest, AnswersAreReadAsWritten) {
  ASSERT_FALSE(Vectors()["parse"].empty());
  for (const nlohmann::json& vector : Vectors()["parse"]) {
    const std::vector<std::string> titles = vector["titles"];
    const Ranking ranking =
        ParseGenerated(vector["answer"].get<std::string>(), titles,
                       Permutation::Identity(static_cast<int>(titles.size())));
    EXPECT_EQ(ranking.candidates, vector["ranking"].get<std::vector<int>>())
        << vector;
    EXPECT_EQ(Name(ranking.status), vector["status"].get<std::string>())
        << vector;
  }
}

TEST(RankingVectorsTest, ScoresRankAsWritten) {
  ASSERT_FALSE(Vectors()["scores"].empty());
  for (const nlohmann::json& vector : Vectors()["scores"]) {
    const std::vector<float> scores = vector["scores"];
    const auto ranking = RankByScore(
        scores, Permutation::Identity(static_cast<int>(scores.size())));
    ASSERT_THAT(ranking, IsOk()) << vector;
    EXPECT_EQ(ranking->candidates, vector["ranking"].get<std::vector<int>>())
        << vector;
  }
}

TEST(RankingVectorsTest, TitlesAreSanitizedAsWritten) {
  ASSERT_FALSE(Vectors()["titles"].empty());
  for (const nlohmann::json& vector : Vectors()["titles"]) {
    EXPECT_EQ(SanitizeTitle(vector["title"].get<std::string>()),
              vector["sanitized"].get<std::string>())
        << vector;
  }
}

}  // namespace
}  // namespace attune::policy
