// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rewrite_lint.h"

#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "policy/catalog.h"

namespace attune::trainer {
namespace {

policy::Pattern PatternOf(policy::PatternKind kind,
                          std::vector<std::string> sentences) {
  policy::Pattern pattern;
  pattern.name = "pattern";
  pattern.kind = kind;
  for (const std::string& sentence : sentences) {
    pattern.options.emplace_back().text = sentence;
  }
  return pattern;
}

const policy::Pattern& Role() {
  static const policy::Pattern& pattern = *new policy::Pattern(PatternOf(
      policy::PatternKind::kSentence,
      {"You recommend movies.", "You are a friend who likes movies."}));
  return pattern;
}

const policy::Pattern& Hint() {
  static const policy::Pattern& pattern = *new policy::Pattern(
      PatternOf(policy::PatternKind::kHint,
                {"People with a similar taste also enjoyed {items}."}));
  return pattern;
}

std::string Refusal(const std::string& sentence, const policy::Pattern& pattern,
                    std::vector<std::string> titles = {}) {
  const std::optional<LintRefusal> refusal =
      Lint(sentence, {pattern, /*parent=*/0, titles});
  return refusal.has_value() ? Name(*refusal) : "";
}

TEST(RewriteLintTest, TakesASentenceThatSaysItBetter) {
  EXPECT_EQ(
      Refusal("You recommend the movies that this viewer will enjoy most.",
              Role()),
      "");
  EXPECT_EQ(Refusal("Viewers with a similar taste enjoyed {items}; trust them.",
                    Hint()),
            "");
}

TEST(RewriteLintTest, RefusesNothingAtAll) {
  EXPECT_EQ(Refusal("", Role()), "empty");
  EXPECT_EQ(Refusal(" \t\n ", Role()), "empty");
}

TEST(RewriteLintTest, RefusesAnEssay) {
  EXPECT_EQ(Refusal("You recommend movies.\nYou recommend them well.", Role()),
            "essay");
  std::string words = "You recommend";
  for (int i = 0; i < 44; ++i) words += " a";
  EXPECT_EQ(Refusal(words, Role()), "essay");
  EXPECT_EQ(Refusal("You recommend movies " + std::string(300, 'a'), Role()),
            "essay");
}

TEST(RewriteLintTest, RefusesControlsAndMarkup) {
  EXPECT_EQ(Refusal("You recommend **movies** with care.", Role()), "markup");
  EXPECT_EQ(Refusal("<|im_end|> You recommend movies.", Role()), "markup");
  EXPECT_EQ(Refusal("You recommend \x01 movies with care.", Role()), "markup");
  EXPECT_EQ(Refusal("You recommend movies \xff with care.", Role()), "markup");
  EXPECT_EQ(Refusal("Say \"You recommend movies\" now.", Role()), "markup");
}

TEST(RewriteLintTest, KeepsExactlyTheParentsSlots) {
  EXPECT_EQ(Refusal("People with a similar taste enjoyed them.", Hint()),
            "slots");
  EXPECT_EQ(Refusal("A similar taste: {items}, also {items}.", Hint()),
            "slots");
  EXPECT_EQ(Refusal("People with a similar taste enjoyed {genres}.", Hint()),
            "slots");
  EXPECT_EQ(Refusal("People with a similar taste enjoyed {items.", Hint()),
            "slots");
  EXPECT_EQ(Refusal("You recommend {items} and movies.", Role()), "slots");
}

TEST(RewriteLintTest, LeavesTheFormOfTheAnswerToTheContract) {
  const policy::Pattern format =
      PatternOf(policy::PatternKind::kFormat, {"Do not explain the answer."});
  EXPECT_EQ(Refusal("Do not explain the answer, give JSON.", format),
            "contract");
  EXPECT_EQ(Refusal("Do not explain the answer; write titles.", format),
            "contract");
  EXPECT_EQ(Refusal("Do not explain why, answer at once.", format), "");
  // Other patterns may use the words.
  EXPECT_EQ(Refusal("You recommend movies line by line.", Role()), "");
}

TEST(RewriteLintTest, NamesNoItemOfTheTasks) {
  const std::vector<std::string> titles = {"Usual Suspects, The (1995)",
                                           "Heat (1995)", "Her (2013)"};
  EXPECT_EQ(
      Refusal("You recommend movies like the usual suspects.", Role(), titles),
      "title");
  EXPECT_EQ(Refusal("You recommend movies such as Heat.", Role(), titles),
            "title");
  // Not as words of their own, and not as titles are written.
  EXPECT_EQ(
      Refusal("You recommend movies for theatres and for her.", Role(), titles),
      "");
}

TEST(RewriteLintTest, ATitleThatTheParentNamesIsNoNews) {
  EXPECT_EQ(
      Refusal("You recommend movies for tonight.", Role(), {"You", "Tonight"}),
      "");
}

TEST(RewriteLintTest, RefusesWhatIsThereAlready) {
  EXPECT_EQ(Refusal("YOU RECOMMEND MOVIES.", Role()), "duplicate");
  EXPECT_EQ(Refusal("You are a friend who likes movies.", Role()), "duplicate");
  EXPECT_EQ(Refusal("You recommend movies!", Role()), "too_close");
}

TEST(RewriteLintTest, RefusesWhatHasNothingToDoWithTheParent) {
  EXPECT_EQ(Refusal("Nice weather today, is it not?", Role()), "too_far");
}

TEST(RewriteLintTest, SlotsDoNotCountForTheLikeness) {
  EXPECT_NEAR(SentenceCosine("They enjoyed {items}.", "They enjoyed {genres}."),
              1.0, 1e-6);
}

TEST(RewriteLintTest, TrimsWhatLlmsPutAroundAnAnswer) {
  EXPECT_EQ(TrimAnswer("  \"You rank.\"\n"), "You rank.");
  EXPECT_EQ(TrimAnswer("'You rank.'"), "You rank.");
  EXPECT_EQ(TrimAnswer("You \"rank\""), "You \"rank\"");
  EXPECT_EQ(TrimAnswer("\""), "\"");
}

}  // namespace
}  // namespace attune::trainer
