// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policy/policy.h"
#include "tests/testing/policy_builders.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::SampleCandidates;
using ::attune::testing::SampleHistory;
using ::attune::testing::SampleItems;
using ::attune::testing::StatusIs;

class ValidateTest : public ::testing::Test {
 protected:
  absl::Status Run() const {
    return Validate({.history = history_,
                     .candidates = candidates_,
                     .previous = previous_,
                     .permutation = permutation_});
  }
  void ExpectInvalid(const std::string& message) const {
    EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument, message));
  }

  std::vector<Item> history_ = SampleHistory(5);
  std::vector<Item> candidates_ = SampleCandidates(10);
  std::optional<PreviousIteration> previous_;
  std::optional<Permutation> permutation_;
};

TEST_F(ValidateTest, AcceptsAnOrdinaryRequest) { EXPECT_THAT(Run(), IsOk()); }

TEST_F(ValidateTest, AcceptsTheLimitsThemselves) {
  history_ = SampleItems(0, kMaxHistoryItems);
  candidates_ = SampleItems(2000, kMaxCandidates);
  history_[0].id = std::string(kMaxIdBytes, 'i');
  history_[0].title = std::string(kMaxTitleBytes, 't');
  history_[0].genres.assign(kMaxGenres, std::string(kMaxGenreBytes, 'g'));
  EXPECT_THAT(Run(), IsOk());
}

TEST_F(ValidateTest, RejectsWrongNumbersOfItems) {
  history_.clear();
  ExpectInvalid("history: 0 items, at least 1");
  history_ = SampleItems(0, 1001);
  ExpectInvalid("history: 1001 items, at most 1000");
  history_ = SampleHistory(1);
  candidates_ = SampleCandidates(1);
  ExpectInvalid("candidates: 1 items, at least 2");
  candidates_ = SampleItems(2000, 27);
  ExpectInvalid("candidates: 27 items, at most 26");
}

TEST_F(ValidateTest, RejectsRepeatedIds) {
  history_[4].id = history_[1].id;
  ExpectInvalid("history[4].item_id: repeated, ids must be distinct");
  history_ = SampleHistory(5);
  candidates_[9].id = candidates_[0].id;
  ExpectInvalid("candidates[9].item_id: repeated, ids must be distinct");
}

TEST_F(ValidateTest, AcceptsACandidateFromTheHistory) {
  candidates_[0] = history_[0];
  EXPECT_THAT(Run(), IsOk());
}

TEST_F(ValidateTest, RejectsEmptyAndLongTexts) {
  history_[3].title = "";
  ExpectInvalid("history[3].title: empty");
  history_[3].title = std::string(10000, 'x');
  ExpectInvalid("history[3].title: 10000 bytes, at most 2048");
  history_[3].title = "x";
  history_[3].id = std::string(257, 'x');
  ExpectInvalid("history[3].item_id: 257 bytes, at most 256");
  history_[3].id = "";
  ExpectInvalid("history[3].item_id: empty");
}

TEST_F(ValidateTest, RejectsTooManyOrLongGenres) {
  candidates_[2].genres.assign(17, "g");
  ExpectInvalid("candidates[2].genres: 17 genres, at most 16");
  candidates_[2].genres = {"a", std::string(65, 'g')};
  ExpectInvalid("candidates[2].genres: 65 bytes, at most 64");
}

TEST_F(ValidateTest, RejectsInvalidUtf8WithoutEchoingIt) {
  const std::string invalid = "secret\xC3\x28";
  history_[0].title = invalid;
  ExpectInvalid("history[0].title: not valid UTF-8");
  history_ = SampleHistory(5);
  candidates_[1].id = invalid;
  ExpectInvalid("candidates[1].item_id: not valid UTF-8");
  candidates_ = SampleCandidates(10);
  candidates_[1].genres = {invalid};
  ExpectInvalid("candidates[1].genres: not valid UTF-8");
}

TEST_F(ValidateTest, RejectsWeightsThatAreNoStrength) {
  for (const float weight : {-1.0F, std::numeric_limits<float>::infinity(),
                             std::numeric_limits<float>::quiet_NaN()}) {
    history_[2].weight = weight;
    ExpectInvalid("history[2].weight: not finite or below 0");
  }
}

TEST_F(ValidateTest, RejectsPreviousRankingsThatAreNone) {
  previous_ = {.options = {}, .history_length = 3, .ranking = {0, 9, 1}};
  EXPECT_THAT(Run(), IsOk());
  previous_->ranking = {0, 10};
  ExpectInvalid("previous.ranking[1]: must be in [0, 10)");
  previous_->ranking = {-1};
  ExpectInvalid("previous.ranking[0]: must be in [0, 10)");
  previous_->ranking = {4, 5, 4};
  ExpectInvalid("previous.ranking[2]: repeated, entries must be distinct");
}

TEST_F(ValidateTest, RejectsPreviousLengthsOutOfRange) {
  previous_ = {.options = {}, .history_length = -1, .ranking = {}};
  ExpectInvalid("previous.history_length: must be in [0, 1000]");
  previous_->history_length = 1001;
  ExpectInvalid("previous.history_length: must be in [0, 1000]");
}

TEST_F(ValidateTest, RejectsAPermutationOfAnotherSize) {
  permutation_ = Permutation::Identity(9);
  ExpectInvalid("permutation: 9 positions for 10 candidates");
}

}  // namespace
}  // namespace attune::policy
