// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// What every policy promises, whatever its heads.

#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/policy.h"
#include "policy/revision.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::kSmallCatalogYaml;
using ::attune::testing::kSmallCumulativeCatalogYaml;
using ::attune::testing::MakeRevisionParts;
using ::attune::testing::SampleCandidates;
using ::attune::testing::SampleHistory;
using ::attune::testing::SampleItems;
using ::attune::testing::StatusIs;
using ::testing::HasSubstr;

std::shared_ptr<const Revision> MakeRevision(const std::string& yaml,
                                             HeadsKind kind) {
  auto artifact = EncodeRevision(MakeRevisionParts(yaml, kind, 3));
  EXPECT_THAT(artifact, ::attune::testing::IsOk());
  if (!artifact.ok()) return nullptr;
  return Revision::Load(*std::move(artifact)).value();
}

std::vector<int> OptionsOf(const Choice& choice) {
  std::vector<int> options;
  for (const PatternChoice& p : choice.patterns) options.push_back(p.option);
  return options;
}

class PolicyContractTest : public ::testing::TestWithParam<HeadsKind> {
 protected:
  void SetUp() override {
    revision_ = MakeRevision(kSmallCatalogYaml, GetParam());
    ASSERT_NE(revision_, nullptr);
  }
  const Policy& policy() const { return revision_->policy(); }
  Request MakeRequest(uint64_t seed) const {
    return {.history = history_, .candidates = candidates_, .seed = seed};
  }
  Decision Decide(uint64_t seed) const {
    return policy().Decide(MakeRequest(seed)).value();
  }

  std::vector<Item> history_ = SampleHistory(12);
  std::vector<Item> candidates_ = SampleCandidates(10);
  std::shared_ptr<const Revision> revision_;
};

TEST_P(PolicyContractTest, ChoosesWithinTheCatalog) {
  const Catalog& catalog = policy().catalog();
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Choice choice = Decide(seed).choice;
    ASSERT_EQ(choice.patterns.size(), catalog.patterns.size());
    for (size_t k = 0; k < choice.patterns.size(); ++k) {
      EXPECT_GE(choice.patterns[k].option, 0);
      EXPECT_LT(choice.patterns[k].option,
                static_cast<int>(catalog.patterns[k].options.size()));
      EXPECT_GT(choice.patterns[k].probability, 0.0F);
      EXPECT_LE(choice.patterns[k].probability, 1.0F);
    }
  }
}

TEST_P(PolicyContractTest, ProbabilitiesSumToOneForEveryPattern) {
  const Eigen::VectorXf state = Decide(1).state.features;
  const std::vector<int> earlier(policy().catalog().patterns.size(), 0);
  for (int k = 0; k < static_cast<int>(earlier.size()); ++k) {
    EXPECT_NEAR(
        policy()
            .actor()
            .Probabilities(k, state, absl::MakeConstSpan(earlier).subspan(0, k))
            .sum(),
        1.0F, 1e-6F);
  }
}

TEST_P(PolicyContractTest, DecidesTheSameWithTheSameSeed) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Decision a = Decide(seed);
    const Decision b = Decide(seed);
    EXPECT_EQ(OptionsOf(a.choice), OptionsOf(b.choice));
    EXPECT_EQ(a.prompt.CanonicalBytes(), b.prompt.CanonicalBytes());
    EXPECT_EQ(a.state.features, b.state.features);
  }
}

TEST_P(PolicyContractTest, DecidesTheSameAfterAnotherLoad) {
  const auto other = MakeRevision(kSmallCatalogYaml, GetParam());
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->id(), revision_->id());
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(other->policy()
                  .Decide(MakeRequest(seed))
                  .value()
                  .prompt.CanonicalBytes(),
              Decide(seed).prompt.CanonicalBytes());
  }
}

TEST_P(PolicyContractTest, ExploresAndPermutesWithTheSeed) {
  int other_options = 0;
  int other_order = 0;
  const Decision first = Decide(0);
  for (uint64_t seed = 1; seed < 50; ++seed) {
    const Decision decision = Decide(seed);
    other_options +=
        OptionsOf(decision.choice) != OptionsOf(first.choice) ? 1 : 0;
    other_order +=
        decision.prompt.displayed_titles != first.prompt.displayed_titles ? 1
                                                                          : 0;
  }
  EXPECT_GT(other_options, 0);
  EXPECT_GT(other_order, 45);
}

TEST_P(PolicyContractTest, PreviewsWhatItDecidedWithTheSameSeed) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Decision decided = Decide(seed);
    const auto previewed =
        policy().Preview(MakeRequest(seed), OptionsOf(decided.choice));
    ASSERT_THAT(previewed, ::attune::testing::IsOk());
    EXPECT_EQ(previewed->prompt.CanonicalBytes(),
              decided.prompt.CanonicalBytes());
    EXPECT_EQ(previewed->choice.patterns[0].probability, 1.0F);
    EXPECT_EQ(previewed->choice.history_length, decided.choice.history_length);
  }
}

TEST_P(PolicyContractTest, GreedyDoesNotDependOnTheSeed) {
  Request request = MakeRequest(1);
  request.mode = DecisionMode::kGreedy;
  const Choice first = policy().Decide(request)->choice;
  request.seed = 2;
  const Choice second = policy().Decide(request)->choice;
  EXPECT_EQ(OptionsOf(first), OptionsOf(second));
  EXPECT_EQ(first.patterns[0].probability, 1.0F);
}

TEST_P(PolicyContractTest, UsesTheGivenPermutationAndReadout) {
  Request request = MakeRequest(1);
  request.permutation = Permutation::Identity(10);
  request.readout = Readout::kLabels;
  const Decision decision = policy().Decide(request).value();
  EXPECT_EQ(decision.permutation.CandidateAt(3), 3);
  EXPECT_EQ(decision.prompt.readout, Readout::kLabels);
  EXPECT_EQ(Decide(1).prompt.readout, Readout::kLikelihood);
  EXPECT_EQ(OptionsOf(decision.choice), OptionsOf(Decide(1).choice));
}

TEST_P(PolicyContractTest, DecidesForUsersAndItemsNobodyKnows) {
  history_ = SampleItems(5000, 1);
  candidates_ = SampleItems(6000, 2);
  const auto decision = policy().Decide(MakeRequest(1));
  ASSERT_THAT(decision, ::attune::testing::IsOk());
  EXPECT_TRUE(decision->state.features.allFinite());
}

TEST_P(PolicyContractTest, SeesThePreviousIteration) {
  Request request = MakeRequest(1);
  const std::vector<int> options(policy().catalog().patterns.size(), 0);
  request.previous = {
      .options = options, .history_length = 3, .ranking = {2, 1}};
  const auto state = policy().Encode(request);
  ASSERT_THAT(state, ::attune::testing::IsOk());
  EXPECT_EQ(state->features.tail(1)[0], 1.0F);
  EXPECT_EQ(Decide(1).state.features.tail(1)[0], 0.0F);
}

TEST_P(PolicyContractTest, RejectsOptionsThatDoNotExist) {
  Request request = MakeRequest(1);
  std::vector<int> options(policy().catalog().patterns.size(), 0);
  options[1] = 1000;
  EXPECT_THAT(policy().Preview(request, options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("options[1] (hint): must be in [0, ")));
  EXPECT_THAT(policy().Preview(request, {0}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("options: 1 options, the catalog has ")));
  request.previous = {.options = options, .history_length = 3, .ranking = {}};
  EXPECT_THAT(policy().Decide(request),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("previous.options[1]")));
}

TEST_P(PolicyContractTest, RejectsInvalidRequests) {
  candidates_.resize(1);
  EXPECT_THAT(policy().Decide(MakeRequest(1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "candidates: 1 items, at least 2"));
  EXPECT_THAT(policy().Encode(MakeRequest(1)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "candidates: 1 items, at least 2"));
}

TEST_P(PolicyContractTest, NeverAsksForMoreHistoryThanThereIs) {
  for (const int available : {1, 2, 12}) {
    history_ = SampleHistory(available);
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const Choice choice = Decide(seed).choice;
      const Option& option =
          policy().catalog().patterns[0].options[choice.patterns[0].option];
      EXPECT_EQ(choice.history_length,
                std::min(option.history_length, available));
    }
  }
}

TEST_P(PolicyContractTest, AddsToThePreviousLengthInCumulativeCatalogs) {
  const auto revision = MakeRevision(kSmallCumulativeCatalogYaml, GetParam());
  ASSERT_NE(revision, nullptr);
  const Catalog& catalog = revision->policy().catalog();
  ASSERT_TRUE(catalog.cumulative_history);
  const int added = catalog.patterns[0].options[1].history_length;
  ASSERT_GT(added, 0);
  std::vector<int> options(catalog.patterns.size(), 0);
  options[0] = 1;
  Request request = MakeRequest(1);
  const auto length = [&] {
    return revision->policy()
        .Preview(request, options)
        .value()
        .choice.history_length;
  };
  EXPECT_EQ(length(), catalog.initial_history_length + added);
  request.previous = {.options = options, .history_length = 7, .ranking = {}};
  EXPECT_EQ(length(), 7 + added);
  request.previous->history_length = 1000;
  EXPECT_EQ(length(), 12);
}

TEST_P(PolicyContractTest, AgreesWithItselfFromFourThreads) {
  constexpr int kThreads = 4;
  constexpr int kDecisions = 200;
  std::vector<std::vector<std::string>> prompts(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t seed = 0; seed < kDecisions; ++seed) {
        prompts[t].push_back(Decide(seed).prompt.CanonicalBytes());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int t = 1; t < kThreads; ++t) EXPECT_EQ(prompts[t], prompts[0]);
}

INSTANTIATE_TEST_SUITE_P(AllPolicies, PolicyContractTest,
                         ::testing::Values(HeadsKind::kUniform,
                                           HeadsKind::kIndependent,
                                           HeadsKind::kAutoregressive));

}  // namespace
}  // namespace attune::policy
