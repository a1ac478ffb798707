// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/grown_catalog.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::shared_ptr<const Catalog> Shipped() {
  std::ifstream file(ATTUNE_SOURCE_DIR "/policy/catalogs/movies.yaml");
  const std::string yaml{std::istreambuf_iterator<char>(file), {}};
  return Catalog::Parse(yaml).value();
}

AddedOption Added(const Catalog& catalog, const char* pattern,
                  const char* parent, const char* text) {
  AddedOption added;
  added.pattern = catalog.FindPattern(pattern);
  added.parent = catalog.FindOption(added.pattern, parent);
  added.text = text;
  added.lineage = {.model = "some-model 7B",
                   .instruction = "rewrite-1",
                   .revision = "0123456789abcdef",
                   .reward = 0.625,
                   .parent_reward = 0.5,
                   .tasks = 40};
  return added;
}

// What a catalog says, without where it says it.
std::string Content(const Catalog& catalog, size_t pattern, size_t option) {
  const Option& o = catalog.patterns[pattern].options[option];
  return absl::StrCat(o.id, "|", o.text, "|", o.history_length, "|",
                      static_cast<int>(o.selection), "|",
                      static_cast<int>(o.hint), "|", o.hint_count, "|",
                      o.generate_contract, "|", o.labels_contract, "|",
                      o.likelihood_primer);
}

TEST(GrownCatalogTest, KeepsEveryOptionAtItsIndexAndAppendsTheNewOnes) {
  const auto old = Shipped();
  const auto grown = GrowCatalog(
      *old, {Added(*old, "role", "expert", "You know every film ever made."),
             Added(*old, "role", "expert", "You have seen every film.")});
  ASSERT_THAT(grown, IsOk());
  EXPECT_NE((*grown)->digest, old->digest);
  EXPECT_EQ((*grown)->TotalOptions(), old->TotalOptions() + 2);
  EXPECT_EQ((*grown)->history_intro, old->history_intro);
  EXPECT_EQ((*grown)->prior_prefix, old->prior_prefix);
  for (size_t k = 0; k < old->patterns.size(); ++k) {
    EXPECT_EQ((*grown)->patterns[k].default_option,
              old->patterns[k].default_option);
    for (size_t a = 0; a < old->patterns[k].options.size(); ++a) {
      EXPECT_EQ(Content(**grown, k, a), Content(*old, k, a));
      EXPECT_FALSE((*grown)->patterns[k].options[a].lineage.has_value());
    }
  }
  const Pattern& role = (*grown)->patterns[old->FindPattern("role")];
  ASSERT_EQ(role.options.size(), 7);
  EXPECT_EQ(role.options[5].id, "expert_r1");
  EXPECT_EQ(role.options[6].id, "expert_r2");
  EXPECT_EQ(role.options[6].text, "You have seen every film.");
  const Lineage& lineage = *role.options[5].lineage;
  EXPECT_EQ(lineage.parent, "expert");
  EXPECT_EQ(lineage.model, "some-model 7B");
  EXPECT_EQ(lineage.instruction, "rewrite-1");
  EXPECT_EQ(lineage.revision, "0123456789abcdef");
  EXPECT_EQ(lineage.reward, 0.625);
  EXPECT_EQ(lineage.parent_reward, 0.5);
  EXPECT_EQ(lineage.tasks, 40);
}

TEST(GrownCatalogTest, NewOptionsInheritSettingsAndContracts) {
  const auto old = Shipped();
  const auto grown = GrowCatalog(
      *old, {Added(*old, "hint", "best_3", "Similar people liked {items}."),
             Added(*old, "format", "only_list", "Give no reasons.")});
  ASSERT_THAT(grown, IsOk());
  const Option& hint =
      (*grown)->patterns[old->FindPattern("hint")].options.back();
  EXPECT_EQ(hint.hint, HintSource::kCandidates);
  EXPECT_EQ(hint.hint_count, 3);
  const int k = old->FindPattern("format");
  const Option& format = (*grown)->patterns[k].options.back();
  const Option& parent =
      old->patterns[k].options[old->FindOption(k, "only_list")];
  EXPECT_EQ(format.text, "Give no reasons.");
  EXPECT_EQ(format.generate_contract, parent.generate_contract);
  EXPECT_EQ(format.labels_contract, parent.labels_contract);
  EXPECT_EQ(format.likelihood_primer, parent.likelihood_primer);
}

TEST(GrownCatalogTest, GrowsAgainFromWhatItHasGrownTo) {
  const auto old = Shipped();
  const auto once =
      GrowCatalog(*old, {Added(*old, "role", "clerk", "You run a film shop.")});
  ASSERT_THAT(once, IsOk());
  const auto twice = GrowCatalog(
      **once, {Added(**once, "role", "clerk_r1", "You run a shop for films.")});
  ASSERT_THAT(twice, IsOk());
  const Option& option =
      (*twice)->patterns[old->FindPattern("role")].options.back();
  EXPECT_EQ(option.id, "clerk_r1_r1");
  EXPECT_EQ(option.lineage->parent, "clerk_r1");
  EXPECT_THAT(ParentsOfAdded(**twice, old->OptionCounts()),
              ElementsAre(IsEmpty(), IsEmpty(), IsEmpty(), ElementsAre(3, 5),
                          IsEmpty()));
}

TEST(GrownCatalogTest, SentencesSurviveWhateverYamlThinksOfThem) {
  const auto old = Shipped();
  for (const char* text : {"Yes: rank # this - well.", "{not: a map}", "true",
                           "1.5", "Caf\xC3\xA9 films first, 'please'."}) {
    const auto grown = GrowCatalog(*old, {Added(*old, "role", "clerk", text)});
    ASSERT_THAT(grown, IsOk()) << text;
    EXPECT_EQ((*grown)->patterns[old->FindPattern("role")].options.back().text,
              text);
  }
}

TEST(GrownCatalogTest, RefusesASentenceThatNoCatalogMayHold) {
  const auto old = Shipped();
  EXPECT_THAT(GrowCatalog(*old, {Added(*old, "role", "clerk", "a\nb")}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("text")));
  EXPECT_THAT(GrowCatalog(*old, {Added(*old, "hint", "best_1", "No slot.")}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("slot")));
}

// Every faulty lineage, and the part of the message that names it.
TEST(GrownCatalogTest, RefusesALineageThatSaysTooLittleOrTooMuch) {
  const auto old = Shipped();
  const std::string good =
      (*GrowCatalog(*old, {Added(*old, "role", "clerk", "A shop.")}))->yaml;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from << " in " << good;
    return Catalog::Parse(text.replace(at, from.size(), to));
  };
  ASSERT_THAT(with("tasks: 40", "tasks: 41"), IsOk());
  const std::vector<std::vector<std::string>> faults = {
      {"tasks: 40", "tasks: 0", "lineage.tasks"},
      {"parent: clerk", "parent: nobody", "lineage.parent"},
      {"parent: clerk", "parent: clerk_r1", "lineage.parent"},
      {"reward: 0.6250", "reward: 1.5", "lineage.reward"},
      {"instruction: rewrite-1", "instruction: \"\"", "lineage.instruction"},
      {"tasks: 40", "jobs: 40", "unknown key"},
  };
  for (const std::vector<std::string>& fault : faults) {
    EXPECT_THAT(
        with(fault[0], fault[1]),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(fault[2])))
        << fault[1];
  }
}

}  // namespace
}  // namespace attune::policy
