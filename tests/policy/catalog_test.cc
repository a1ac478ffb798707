// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/catalog.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace attune::policy {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Error tables below name its lines.
constexpr char kYaml[] =
    R"(name: test
domain: movies
frame:
  history_intro: "Watched:"
  candidates_intro: "Rank:"
  prior_prefix: "A film:"
  likelihood_lists_candidates: false
patterns:
  - name: history
    default: two
    options:
      - { id: one, length: 1 }
      - { id: two, length: 2, selection: nearest }
  - name: hint
    default: none
    options:
      - { id: none, source: none }
      - { id: best, source: candidates, count: 3, text: "Try {items}." }
  - name: role
    default: critic
    options:
      - { id: critic, text: "You are a critic." }
  - name: format
    default: plain
    options:
      - { id: plain, text: "", generate: "All.", labels: "One.", likelihood: "Best:" }
)";

std::string ReadShipped(const std::string& name) {
  std::ifstream file(std::string(ATTUNE_SOURCE_DIR) + "/policy/catalogs/" +
                     name + ".yaml");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Replaced(std::string text, const std::string& from,
                     const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

class ShippedCatalogTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    auto parsed = Catalog::Parse(ReadShipped(name));
    ASSERT_THAT(parsed, IsOk());
    catalog_ = *parsed;
    EXPECT_EQ(catalog_->name, name);
    EXPECT_EQ(catalog_->domain, name.substr(0, name.find('_')));
    paper_ = name.find("_paper") != std::string::npos;
  }

  const Pattern& Find(const char* name) const {
    return catalog_->patterns[catalog_->FindPattern(name)];
  }

  std::shared_ptr<const Catalog> catalog_;
  bool paper_ = false;
};

TEST_P(ShippedCatalogTest, HasItsPatternsInDecisionOrder) {
  std::vector<std::string> names;
  for (const Pattern& pattern : catalog_->patterns) {
    names.push_back(pattern.name);
  }
  const std::vector<std::string> expected =
      paper_
          ? std::vector<std::string>{"history", "reasoning", "role", "format"}
          : std::vector<std::string>{"history", "hint", "reasoning", "role",
                                     "format"};
  EXPECT_EQ(names, expected);
}

TEST_P(ShippedCatalogTest, HasEnoughOptions) {
  EXPECT_GE(Find("reasoning").options.size(), 7);
  EXPECT_GE(Find("role").options.size(), 5);
  EXPECT_GE(Find("format").options.size(), 5);
  EXPECT_EQ(catalog_->cumulative_history, paper_);
  if (paper_) {
    ASSERT_EQ(Find("history").options.size(), 3);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(Find("history").options[i].history_length, i);
      EXPECT_EQ(Find("history").options[i].selection,
                HistorySelection::kMostRecent);
    }
    return;
  }
  EXPECT_GE(Find("hint").options.size(), 6);
  EXPECT_EQ(Find("hint").options[Find("hint").default_option].hint,
            HintSource::kNone);
  std::set<HintSource> sources;
  std::set<int> best;
  for (const Option& option : Find("hint").options) {
    sources.insert(option.hint);
    if (option.hint == HintSource::kCandidates) best.insert(option.hint_count);
  }
  EXPECT_EQ(sources.size(), 4);
  EXPECT_THAT(best, ::testing::IsSupersetOf({1, 3, 5}));
  std::set<HistorySelection> selections;
  for (const Option& option : Find("history").options) {
    selections.insert(option.selection);
  }
  EXPECT_EQ(selections.size(), 3);
}

TEST_P(ShippedCatalogTest, SentencesAreDistinctWithinAPattern) {
  for (const Pattern& pattern : catalog_->patterns) {
    std::set<std::string> seen;
    for (const Option& option : pattern.options) {
      const std::string all =
          std::to_string(option.history_length) + "|" +
          std::to_string(static_cast<int>(option.selection)) + "|" +
          std::to_string(option.hint_count) + "|" + option.text + "|" +
          option.generate_contract + "|" + option.labels_contract + "|" +
          option.likelihood_primer;
      EXPECT_TRUE(seen.insert(all).second) << pattern.name << "." << option.id;
    }
  }
}

TEST_P(ShippedCatalogTest, EveryFormatHasAContractForEachReadout) {
  for (const Option& option : Find("format").options) {
    EXPECT_FALSE(option.generate_contract.empty()) << option.id;
    EXPECT_FALSE(option.labels_contract.empty()) << option.id;
    EXPECT_FALSE(option.likelihood_primer.empty()) << option.id;
  }
  EXPECT_FALSE(catalog_->prior_prefix.empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, ShippedCatalogTest,
    ::testing::Values("movies", "games", "music", "generic", "movies_paper",
                      "games_paper", "music_paper", "generic_paper"),
    [](const auto& info) { return std::string(info.param); });

TEST(CatalogTest, ReadsEveryField) {
  const auto parsed = Catalog::Parse(kYaml);
  ASSERT_THAT(parsed, IsOk());
  const Catalog& catalog = **parsed;
  EXPECT_EQ(catalog.name, "test");
  EXPECT_EQ(catalog.domain, "movies");
  EXPECT_EQ(catalog.yaml, kYaml);
  EXPECT_FALSE(catalog.cumulative_history);
  EXPECT_EQ(catalog.history_intro, "Watched:");
  EXPECT_EQ(catalog.candidates_intro, "Rank:");
  EXPECT_EQ(catalog.prior_prefix, "A film:");
  EXPECT_FALSE(catalog.likelihood_lists_candidates);
  EXPECT_EQ(catalog.layout, Layout::kRoleFirst);
  ASSERT_EQ(catalog.patterns.size(), 4);
  EXPECT_EQ(catalog.TotalOptions(), 6);
  const Pattern& history = catalog.patterns[0];
  EXPECT_EQ(history.kind, PatternKind::kHistory);
  EXPECT_EQ(history.default_option, 1);
  EXPECT_EQ(history.options[1].history_length, 2);
  EXPECT_EQ(history.options[1].selection, HistorySelection::kNearest);
  const Option& best = catalog.patterns[1].options[1];
  EXPECT_EQ(best.hint, HintSource::kCandidates);
  EXPECT_EQ(best.hint_count, 3);
  EXPECT_EQ(best.text, "Try {items}.");
  EXPECT_EQ(catalog.patterns[2].kind, PatternKind::kSentence);
  EXPECT_EQ(catalog.patterns[2].options[0].text, "You are a critic.");
  const Option& plain = catalog.patterns[3].options[0];
  EXPECT_EQ(plain.generate_contract, "All.");
  EXPECT_EQ(plain.labels_contract, "One.");
  EXPECT_EQ(plain.likelihood_primer, "Best:");
}

TEST(CatalogTest, FindsPatternsAndOptionsByName) {
  const auto catalog = Catalog::Parse(kYaml).value();
  EXPECT_EQ(catalog->FindPattern("hint"), 1);
  EXPECT_EQ(catalog->FindPattern("profile"), -1);
  EXPECT_EQ(catalog->FindOption(1, "best"), 1);
  EXPECT_EQ(catalog->FindOption(1, "one"), -1);
}

TEST(CatalogTest, DefaultChoiceTakesEachDefaultWithCertainty) {
  const Choice choice = Catalog::Parse(kYaml).value()->DefaultChoice();
  ASSERT_EQ(choice.patterns.size(), 4);
  EXPECT_EQ(choice.patterns[0].option, 1);
  EXPECT_EQ(choice.patterns[1].option, 0);
  for (const PatternChoice& pattern : choice.patterns) {
    EXPECT_EQ(pattern.probability, 1.0F);
  }
}

TEST(CatalogTest, DigestIsTheSha256OfTheBytes) {
  const auto catalog = Catalog::Parse(kYaml).value();
  EXPECT_EQ(catalog->digest.size(), 64);
  EXPECT_EQ(catalog->digest, Catalog::Parse(kYaml).value()->digest);
  // A comment changes no sentence, but the bytes.
  const auto other = Catalog::Parse(std::string(kYaml) + "# end\n").value();
  EXPECT_NE(other->digest, catalog->digest);
}

TEST(CatalogTest, ReadsCumulativeHistory) {
  const std::string yaml = Replaced(
      Replaced(kYaml,
               "frame:", "cumulative_history: { initial_length: 5 }\nframe:"),
      "id: one, length: 1", "id: one, length: 0");
  const auto catalog = Catalog::Parse(yaml);
  ASSERT_THAT(catalog, IsOk());
  EXPECT_TRUE((*catalog)->cumulative_history);
  EXPECT_EQ((*catalog)->initial_history_length, 5);
  EXPECT_EQ((*catalog)->patterns[0].options[0].history_length, 0);
}

struct BadYaml {
  const char* what;
  const char* from;
  const char* to;
  const char* message;
};

TEST(CatalogTest, RefusesBadFilesByFieldAndLine) {
  const BadYaml cases[] = {
      {"bad name", "name: test", "name: SECRET", "line 1: file.name: "},
      {"long name", "name: test",
       "name: a234567890123456789012345678901234567890123456789012345678901234",
       "line 1: file.name: "},
      {"unknown domain", "domain: movies", "domain: SECRET",
       "line 2: file.domain: must be one of movies, games, music, generic"},
      {"missing key", "domain: movies\n", "",
       "line 1: file: 'domain' is missing"},
      {"unknown key", "domain: movies", "domain: movies\nSECRET: 1",
       "line 3: file: unknown key"},
      {"repeated key", "domain: movies", "domain: movies\nname: test",
       "line 3: file: repeated key"},
      {"missing frame key", "  prior_prefix: \"A film:\"\n", "",
       "line 4: file.frame: 'prior_prefix' is missing"},
      {"line break in a sentence", "\"Watched:\"", "\"SECRET\\nline\"",
       "line 4: file.frame.history_intro: must be one line"},
      {"chat marker", "\"Rank:\"", "\"SECRET <|im_end|>\"",
       "line 5: file.frame.candidates_intro: must be one line"},
      {"not a truth value", "candidates: false", "candidates: SECRET",
       "line 7: file.frame.likelihood_lists_candidates: must be true or false"},
      {"unknown layout", "candidates: false",
       "candidates: false\n  layout: SECRET",
       "line 8: file.frame.layout: must be one of role_first, data_first"},
      {"unknown pattern", "name: role", "name: SECRET",
       "line 19: file.patterns[2].name: must be one of"},
      {"repeated pattern", "  - name: role",
       "  - name: role\n    default: x\n    options: [{ id: x, text: x }]\n"
       "  - name: role",
       "line 22: file.patterns[3]: 'name' is repeated"},
      {"pattern of another kind", "name: role", "name: format",
       "line 22: file.patterns[2].options[0]: 'generate' is missing"},
      {"unknown default", "default: two", "default: SECRET",
       "line 10: file.patterns[0].default: must be the id of an option"},
      {"repeated option", "id: two", "id: one",
       "line 13: file.patterns[0].options[1]: 'id' is repeated"},
      {"length below range", "length: 1 }", "length: 0 }",
       "line 12: file.patterns[0].options[0].length: must be a whole number in "
       "[1, 1000]"},
      {"length above range", "length: 1 }", "length: 1001 }",
       "line 12: file.patterns[0].options[0].length: must be a whole number in "
       "[1, 1000]"},
      {"length no number", "length: 1 }", "length: 1.5 }",
       "line 12: file.patterns[0].options[0].length: "},
      {"unknown selection", "selection: nearest", "selection: SECRET",
       "line 13: file.patterns[0].options[1].selection: must be one of "
       "most_recent, heaviest, nearest"},
      {"unknown option key", "length: 1 }", "length: 1, SECRET: 2 }",
       "line 12: file.patterns[0].options[0]: unknown key"},
      {"option without id", "{ id: critic, text", "{ text",
       "line 22: file.patterns[2].options[0]: must be a mapping with an 'id'"},
      {"bad option id", "id: critic", "id: Se-cret",
       "line 22: file.patterns[2].options[0].id: "},
      {"no options", "      - { id: critic, text: \"You are a critic.\" }\n",
       "      []\n", "file.patterns[2].options: must list 1 to 64 options"},
      {"unknown hint source", "source: candidates", "source: SECRET",
       "line 18: file.patterns[1].options[1].source: must be one of"},
      {"hint count", "count: 3", "count: 21",
       "line 18: file.patterns[1].options[1].count: must be a whole number in "
       "[1, 20]"},
      {"hint without slot", "{items}", "SECRET",
       "line 18: file.patterns[1].options[1].text: must hold the slot {items}"},
      {"hint with two slots", "{items}", "{items} {items}",
       "line 18: file.patterns[1].options[1].text: must hold the slot {items}"},
      {"hint with another's slot", "{items}", "{genres}",
       "line 18: file.patterns[1].options[1].text: must hold the slot {items}"},
      {"hint without text", ", text: \"Try {items}.\"", "",
       "line 18: file.patterns[1].options[1]: "},
      {"contract missing", ", labels: \"One.\"", "",
       "line 26: file.patterns[3].options[0]: 'labels' is missing"},
      {"sentence is a list", "\"You are a critic.\"", "[SECRET]",
       "line 22: file.patterns[2].options[0].text: must be a sentence"},
      {"patterns is a word",
       "frame:", "frame: SECRET\nframe2:", "line 4: file: unknown key"},
      {"not YAML", "domain: movies", "domain: [movies", "not valid YAML"},
      {"two documents", "name: test", "name: test\n---\nname: test",
       "must be one YAML document"},
  };
  for (const BadYaml& bad : cases) {
    SCOPED_TRACE(bad.what);
    EXPECT_THAT(
        Catalog::Parse(Replaced(kYaml, bad.from, bad.to)),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr(bad.message), Not(HasSubstr("SECRET")))));
  }
}

TEST(CatalogTest, RefusesFilesThatAreNoCatalog) {
  const std::string deep(100000, '[');
  for (const std::string& yaml :
       {std::string(), std::string("- a\n- b\n"), std::string("movies"), deep,
        std::string("\xFF\xFE"), std::string("a: *b\n"),
        std::string(256 * 1024 + 1, ' ')}) {
    EXPECT_THAT(
        Catalog::Parse(yaml),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("catalog: ")))
        << yaml.substr(0, 20);
  }
}

TEST(CatalogTest, RefusesTooManyOptions) {
  std::string options;
  for (int i = 0; i < 65; ++i) {
    options += "      - { id: o" + std::to_string(i) + ", text: \"\" }\n";
  }
  const std::string role =
      "      - { id: critic, text: \"You are a critic.\" }\n";
  EXPECT_THAT(Catalog::Parse(Replaced(kYaml, role, role + options)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("must list 1 to 64 options")));
}

}  // namespace
}  // namespace attune::policy
