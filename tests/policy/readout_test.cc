// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Rendering and decoding together: simulated LLMs that read the prompt's text,
// and nothing else, answer through each readout.

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policy/metrics.h"
#include "policy/policy.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::SampleHistory;
using ::attune::testing::SampleItem;

constexpr uint64_t kSeed = 20261124;
constexpr int kUsers = 10000;
constexpr int kCandidates = 10;

struct Shown {
  std::string label;
  std::string title;
};

// The lines "B. Heat" of the user message: all that an LLM knows of candidates.
std::vector<Shown> ReadCandidates(const RenderedPrompt& prompt) {
  std::vector<Shown> shown;
  for (const Message& message : prompt.messages) {
    const std::string text = message.Text();
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      if (line.size() > 3 && line.substr(1, 2) == ". ") {
        shown.push_back({line.substr(0, 1), line.substr(3)});
      }
      at = end + 1;
    }
  }
  return shown;
}

// Says how good a title is.
using Taste = std::function<float(const std::string& title)>;

Ranking Answer(const Decision& decision, const Taste& taste) {
  const RenderedPrompt& prompt = decision.prompt;
  std::vector<float> scores;
  if (prompt.readout == Readout::kLikelihood) {
    for (const std::string& title : prompt.displayed_titles) {
      scores.push_back(taste(title));
    }
    return RankByScore(scores, decision.permutation).value();
  }
  std::vector<std::pair<float, std::string>> labels;
  for (const Shown& shown : ReadCandidates(prompt)) {
    const float score = taste(shown.title);
    scores.push_back(score);
    labels.emplace_back(-score, shown.label);
  }
  if (prompt.readout == Readout::kLabels) {
    // Scores are of A, B, C: the order of the lines must be the labels' own.
    for (size_t i = 0; i < labels.size(); ++i) {
      EXPECT_EQ(labels[i].second, Label(static_cast<int>(i)));
    }
    return RankByScore(scores, decision.permutation).value();
  }
  std::stable_sort(labels.begin(), labels.end());
  std::string answer;
  for (const auto& [score, label] : labels) answer += label + "\n";
  return ParseGenerated(answer, prompt.displayed_titles, decision.permutation);
}

Policy UniformMovies(Readout readout) {
  std::ifstream file(std::string(ATTUNE_SOURCE_DIR) +
                     "/policy/catalogs/movies.yaml");
  const std::string yaml{std::istreambuf_iterator<char>(file), {}};
  return Policy::Uniform(Catalog::Parse(yaml).value(), readout);
}

struct Outcome {
  double sum = 0.0;
  int perfect = 0;
  int complete = 0;
};

// `make_taste` gets the true title of each user.
Outcome Play(Readout readout,
             const std::function<Taste(const std::string& truth)>& make_taste) {
  const Policy policy = UniformMovies(readout);
  Rng rng(kSeed, static_cast<uint64_t>(readout));
  Outcome outcome;
  const std::vector<Item> history = SampleHistory(8);
  for (int user = 0; user < kUsers; ++user) {
    std::vector<Item> candidates;
    const int first = 1000 + static_cast<int>(rng.Below(1000000));
    for (int c = 0; c < kCandidates; ++c) {
      candidates.push_back(SampleItem(first + c));
    }
    const int truth = static_cast<int>(rng.Below(kCandidates));
    const auto decision = policy.Decide(
        {.history = history, .candidates = candidates, .seed = rng()});
    EXPECT_THAT(decision, IsOk());
    if (!decision.ok()) return {};
    const Ranking ranking =
        Answer(*decision, make_taste(candidates[truth].title));
    const double ndcg = NdcgAt(kCandidates, RankOf(truth, ranking.candidates));
    outcome.sum += ndcg;
    outcome.perfect += ndcg == 1.0 ? 1 : 0;
    outcome.complete += ranking.status == ParseStatus::kComplete ? 1 : 0;
  }
  return outcome;
}

class ReadoutTest : public ::testing::TestWithParam<Readout> {
 protected:
  void SetUp() override {
    RecordProperty("seed", std::to_string(kSeed));
    std::cout << "seed " << kSeed << "\n";
  }
};

TEST_P(ReadoutTest, PerfectRankerScoresExactlyOne) {
  const Outcome outcome = Play(GetParam(), [](const std::string& truth) {
    return [truth](const std::string& title) {
      return title == truth ? 1.0F : 0.0F;
    };
  });
  EXPECT_EQ(outcome.perfect, kUsers);
  EXPECT_EQ(outcome.complete, kUsers);
  EXPECT_EQ(outcome.sum, static_cast<double>(kUsers));
}

TEST_P(ReadoutTest, RandomRankerScoresChance) {
  Rng rng(kSeed, 99);
  const Outcome outcome = Play(GetParam(), [&rng](const std::string&) {
    return [&rng](const std::string&) { return rng.UnitFloat(); };
  });
  std::cout << "NDCG@10 " << outcome.sum / kUsers << "\n";
  EXPECT_NEAR(outcome.sum / kUsers, 0.454, 0.01);
  EXPECT_EQ(outcome.complete, kUsers);
}

TEST_P(ReadoutTest, RankerThatAlwaysTakesTheFirstScoresChance) {
  // All titles equal: the displayed order stands. It must say nothing of which
  // candidate is the true one.
  const Outcome outcome = Play(GetParam(), [](const std::string&) {
    return [](const std::string&) { return 0.0F; };
  });
  EXPECT_NEAR(outcome.sum / kUsers, 0.454, 0.01);
}

INSTANTIATE_TEST_SUITE_P(All, ReadoutTest,
                         ::testing::Values(Readout::kGenerate, Readout::kLabels,
                                           Readout::kLikelihood),
                         [](const auto& info) {
                           return std::string(
                               info.param == Readout::kGenerate ? "Generate"
                               : info.param == Readout::kLabels ? "Labels"
                                                                : "Likelihood");
                         });

}  // namespace
}  // namespace attune::policy
