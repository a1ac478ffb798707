// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/renderer.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/sanitizer.h"
#include "tests/policy/packed_strings.h"
#include "tests/testing/policy_builders.h"

namespace attune::policy {
namespace {

using ::attune::testing::PackedStrings;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr uint64_t kSeed = 20261124;
constexpr int kDim = 4;

std::shared_ptr<const Catalog> Movies() {
  std::ifstream file(std::string(ATTUNE_SOURCE_DIR) +
                     "/policy/catalogs/movies.yaml");
  const std::string yaml{std::istreambuf_iterator<char>(file), {}};
  return Catalog::Parse(yaml).value();
}

// A table of 12 items, "zq table 0" to "zq table 11", whose embeddings are
// one-dimensional: item i scores i for a user of (1, 0, 0, 0).
class Table {
 public:
  Table() {
    for (int i = 0; i < 12; ++i) {
      ids_.push_back(Id(i));
      titles_.push_back("zq table " + std::to_string(i));
      genres_.emplace_back();
      embeddings_.insert(embeddings_.end(),
                         {static_cast<float>(i), 0.0F, 0.0F, 0.0F});
      popularity_.push_back(0.5F);
    }
    packed_ids_ = std::make_unique<PackedStrings>(ids_);
    packed_titles_ = std::make_unique<PackedStrings>(titles_);
    packed_genres_ = std::make_unique<PackedStrings>(genres_);
    // Views cannot be assigned.
    items_ = std::make_unique<ItemTable>(
        packed_ids_->table(), packed_titles_->table(), packed_genres_->table(),
        MatrixView(embeddings_.data(), 12, kDim), popularity_.data());
  }
  static std::string Id(int i) {
    return std::string("t") + static_cast<char>('a' + i);
  }
  const ItemTable& items() const { return *items_; }

 private:
  std::vector<std::string> ids_, titles_, genres_;
  std::vector<float> embeddings_, popularity_;
  std::unique_ptr<PackedStrings> packed_ids_, packed_titles_, packed_genres_;
  std::unique_ptr<ItemTable> items_;
};

// A request with everything that rendering needs.
struct World {
  std::shared_ptr<const Catalog> catalog = Movies();
  Table table;
  std::vector<Item> history;
  std::vector<Item> candidates;
  UserState state;
  Permutation permutation = Permutation::Identity(0);
  Choice choice = catalog->DefaultChoice();

  World(int history_size, int candidate_count) {
    for (int i = 0; i < history_size; ++i) {
      history.push_back({.id = "h" + std::to_string(i),
                         .title = "zq history " + std::to_string(i),
                         .genres = {i % 3 == 0 ? "Drama" : "Comedy", "Noir"},
                         .weight = static_cast<float>((i * 7) % 10)});
    }
    for (int i = 0; i < candidate_count; ++i) {
      candidates.push_back({.id = "c" + std::to_string(i),
                            .title = "zq candidate " + std::to_string(i)});
    }
    state.user_embedding = Eigen::VectorXf::Unit(kDim, 0);
    state.candidate_scores =
        Eigen::VectorXf::LinSpaced(candidate_count, 0.0F, 1.0F);
    state.history_nearness =
        Eigen::VectorXf::LinSpaced(history_size, 1.0F, 0.0F);
    permutation = Permutation::Identity(candidate_count);
    Choose("history", "recent_3");
  }

  void Choose(const char* pattern, const char* option) {
    const int k = catalog->FindPattern(pattern);
    const int index = catalog->FindOption(k, option);
    ASSERT_GE(index, 0) << option;
    choice.patterns[k].option = index;
    const Option& chosen = catalog->patterns[k].options[index];
    if (catalog->patterns[k].kind == PatternKind::kHistory) {
      choice.history_length = chosen.history_length;
    }
  }

  void SetLayout(Layout layout) {
    auto changed = std::make_shared<Catalog>(*catalog);
    changed->layout = layout;
    catalog = changed;
  }

  RenderedPrompt RenderAs(Readout readout) const {
    return Render({.catalog = *catalog,
                   .choice = choice,
                   .history = history,
                   .candidates = candidates,
                   .state = state,
                   .items = table.items(),
                   .permutation = permutation,
                   .readout = readout});
  }
};

const Message* FindMessage(const RenderedPrompt& prompt,
                           std::string_view role) {
  for (const Message& message : prompt.messages) {
    if (message.role == role) return &message;
  }
  return nullptr;
}

// The texts of every data segment with this source.
std::vector<std::string> DataOf(const RenderedPrompt& prompt,
                                std::string_view source) {
  std::vector<std::string> texts;
  for (const Message& message : prompt.messages) {
    for (const Segment& segment : message.segments) {
      if (segment.source == source) texts.push_back(segment.text);
    }
  }
  return texts;
}

TEST(RenderTest, DefaultPromptOfEachReadout) {
  World world(5, 3);
  world.SetLayout(Layout::kRoleFirst);
  const std::string shown = world.catalog->history_intro +
                            " zq history 2, zq history 3, zq history 4.";
  const std::string list = "\n" + world.catalog->candidates_intro +
                           "\nA. zq candidate 0\nB. zq candidate 1"
                           "\nC. zq candidate 2";
  const Pattern& formats =
      world.catalog->patterns[world.catalog->FindPattern("format")];
  const Option& format = formats.options[formats.default_option];
  const std::string question = format.text.empty() ? "" : "\n" + format.text;

  const RenderedPrompt generate = world.RenderAs(Readout::kGenerate);
  ASSERT_EQ(generate.messages.size(), 2);
  EXPECT_STREQ(generate.messages[0].role, "system");
  EXPECT_STREQ(generate.messages[1].role, "user");
  EXPECT_EQ(generate.messages[1].Text(),
            shown + list + question + "\n" + format.generate_contract);
  EXPECT_EQ(generate.prior_prefix, "");

  const RenderedPrompt labels = world.RenderAs(Readout::kLabels);
  ASSERT_EQ(labels.messages.size(), 2);
  EXPECT_EQ(labels.messages[1].Text(),
            shown + list + question + "\n" + format.labels_contract);

  const RenderedPrompt likelihood = world.RenderAs(Readout::kLikelihood);
  ASSERT_EQ(likelihood.messages.size(), 3);
  EXPECT_EQ(likelihood.messages[1].Text(), shown + question);
  EXPECT_STREQ(likelihood.messages[2].role, "assistant");
  EXPECT_EQ(likelihood.messages[2].Text(), format.likelihood_primer);
  EXPECT_EQ(likelihood.prior_prefix, world.catalog->prior_prefix);
  EXPECT_THAT(
      likelihood.displayed_titles,
      ElementsAre("zq candidate 0", "zq candidate 1", "zq candidate 2"));
}

TEST(RenderTest, ShowsEveryPatternInItsPlace) {
  World world(5, 3);
  world.SetLayout(Layout::kRoleFirst);
  world.Choose("hint", "best_1");
  world.Choose("reasoning", "by_history");
  world.Choose("role", "expert");
  world.Choose("format", "brief");
  const RenderedPrompt prompt = world.RenderAs(Readout::kGenerate);
  const auto text_of = [&](const char* pattern, const char* option) {
    const int k = world.catalog->FindPattern(pattern);
    return world.catalog->patterns[k]
        .options[world.catalog->FindOption(k, option)]
        .text;
  };
  EXPECT_EQ(FindMessage(prompt, "system")->Text(), text_of("role", "expert"));
  const std::string user = FindMessage(prompt, "user")->Text();
  const size_t places[] = {user.find("zq history 4"),
                           user.find("zq candidate 2."),
                           user.find(world.catalog->candidates_intro),
                           user.find(text_of("reasoning", "by_history")),
                           user.find(text_of("format", "brief"))};
  for (const size_t place : places) ASSERT_NE(place, std::string::npos) << user;
  EXPECT_TRUE(std::is_sorted(std::begin(places), std::end(places))) << user;
}

TEST(RenderTest, DataFirstPutsAllSentencesBehindTheData) {
  World world(5, 3);
  world.SetLayout(Layout::kDataFirst);
  world.Choose("hint", "best_1");
  world.Choose("reasoning", "by_history");
  world.Choose("role", "expert");
  world.Choose("format", "brief");
  const RenderedPrompt prompt = world.RenderAs(Readout::kGenerate);
  ASSERT_EQ(prompt.messages.size(), 1);
  const std::string user = FindMessage(prompt, "user")->Text();
  const auto text_of = [&](const char* pattern, const char* option) {
    const int k = world.catalog->FindPattern(pattern);
    return world.catalog->patterns[k]
        .options[world.catalog->FindOption(k, option)]
        .text;
  };
  const size_t places[] = {user.find("zq history 4"),
                           user.find("zq history 3"),
                           user.find(world.catalog->candidates_intro),
                           user.find("zq candidate 2\n"),
                           user.find(DataOf(prompt, "hint").at(0) + "."),
                           user.find(text_of("reasoning", "by_history")),
                           user.find(text_of("role", "expert")),
                           user.find(text_of("format", "brief"))};
  for (const size_t place : places) ASSERT_NE(place, std::string::npos) << user;
  EXPECT_TRUE(std::is_sorted(std::begin(places), std::end(places))) << user;
}

TEST(RenderTest, DataFirstShorterHistoriesBeginTheLongerOnes) {
  World world(12, 3);
  world.SetLayout(Layout::kDataFirst);
  std::string longer;
  for (const char* option : {"recent_10", "recent_5", "recent_3", "recent_1"}) {
    world.Choose("history", option);
    const std::string shown =
        DataOf(world.RenderAs(Readout::kLikelihood), "history").at(0);
    if (option != std::string_view("recent_10")) {
      EXPECT_THAT(longer, StartsWith(shown));
    }
    longer = shown;
  }
  EXPECT_EQ(longer, "zq history 11");
}

TEST(RenderTest, OmitsTheSystemMessageWithoutARole) {
  World world(5, 3);
  world.SetLayout(Layout::kRoleFirst);
  world.Choose("role", "none");
  EXPECT_EQ(FindMessage(world.RenderAs(Readout::kGenerate), "system"), nullptr);
}

TEST(RenderTest, ShowsCandidatesInDisplayedOrder) {
  World world(5, 10);
  Rng rng(kSeed);
  world.permutation = Permutation::Random(10, rng);
  const RenderedPrompt prompt = world.RenderAs(Readout::kLabels);
  ASSERT_EQ(prompt.displayed_titles.size(), 10);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(prompt.displayed_titles[i],
              world.candidates[world.permutation.CandidateAt(i)].title);
  }
  EXPECT_EQ(DataOf(prompt, "candidates"), prompt.displayed_titles);
}

TEST(RenderTest, LikelihoodListsCandidatesOnlyIfTheCatalogSaysSo) {
  World world(5, 3);
  EXPECT_THAT(DataOf(world.RenderAs(Readout::kLikelihood), "candidates"),
              ElementsAre());
  auto listing = std::make_shared<Catalog>(*world.catalog);
  listing->likelihood_lists_candidates = true;
  world.catalog = listing;
  EXPECT_EQ(DataOf(world.RenderAs(Readout::kLikelihood), "candidates").size(),
            3);
}

TEST(RenderTest, HintNamesTheBestCandidates) {
  World world(5, 6);
  world.state.candidate_scores << 0.1F, 0.9F, 0.3F, 0.9F, -1.0F, 0.2F;
  Rng rng(kSeed);
  // Ties go by the caller's order, whatever is displayed.
  world.permutation = Permutation::Random(6, rng);
  world.Choose("hint", "best_3");
  EXPECT_THAT(DataOf(world.RenderAs(Readout::kLikelihood), "hint"),
              ElementsAre("zq candidate 1, zq candidate 3, zq candidate 2"));
  world.Choose("hint", "best_1");
  EXPECT_THAT(DataOf(world.RenderAs(Readout::kLikelihood), "hint"),
              ElementsAre("zq candidate 1"));
}

TEST(RenderTest, HintNamesNearestItemsThatWereNotSeenOrOffered) {
  World world(5, 6);
  // The nearest and the third nearest are known to the request.
  world.history[0].id = Table::Id(11);
  world.candidates[2].id = Table::Id(9);
  world.Choose("hint", "neighbours_3");
  EXPECT_THAT(DataOf(world.RenderAs(Readout::kLikelihood), "hint"),
              ElementsAre("zq table 10, zq table 8, zq table 7"));
}

TEST(RenderTest, HintNamesFrequentGenresOfTheWholeHistory) {
  World world(5, 6);
  // Noir five times, Comedy three, Drama two.
  world.Choose("hint", "genres_3");
  world.Choose("history", "recent_1");
  EXPECT_THAT(DataOf(world.RenderAs(Readout::kLikelihood), "hint"),
              ElementsAre("Noir, Comedy, Drama"));
}

TEST(RenderTest, GenresThatAreEquallyFrequentKeepTheirOrder) {
  World world(1, 3);
  world.history[0].genres = {"Western", "Crime\n", "Western", "Anime", "War"};
  world.Choose("hint", "genres_3");
  EXPECT_THAT(DataOf(world.RenderAs(Readout::kLikelihood), "hint"),
              ElementsAre("Western, Crime, Anime"));
}

TEST(RenderTest, HintWithNothingToSayIsNone) {
  World world(3, 4);
  const std::string none = world.RenderAs(Readout::kLabels).CanonicalBytes();
  for (Item& item : world.history) item.genres.clear();
  world.state.candidate_scores.setConstant(0.5F);
  world.state.user_embedding.setZero();
  for (const char* option : {"best_1", "best_5", "neighbours_3", "genres_3"}) {
    world.Choose("hint", option);
    EXPECT_EQ(world.RenderAs(Readout::kLabels).CanonicalBytes(), none)
        << option;
  }
}

TEST(SelectHistoryTest, PicksBySelectionAndShowsOldestFirst) {
  const World world(8, 3);
  // Weights: 0 7 4 1 8 5 2 9; nearness falls with the index.
  const auto select = [&](HistorySelection selection, int length) {
    Option option;
    option.selection = selection;
    return SelectHistory(option, length, world.history, world.state);
  };
  EXPECT_THAT(select(HistorySelection::kMostRecent, 3), ElementsAre(5, 6, 7));
  EXPECT_THAT(select(HistorySelection::kHeaviest, 3), ElementsAre(1, 4, 7));
  EXPECT_THAT(select(HistorySelection::kNearest, 2), ElementsAre(0, 1));
  EXPECT_EQ(select(HistorySelection::kHeaviest, 100).size(), 8);
  EXPECT_THAT(select(HistorySelection::kMostRecent, 0), ElementsAre());
}

TEST(SelectHistoryTest, TakesTheMoreRecentOnATie) {
  World world(6, 3);
  for (Item& item : world.history) item.weight = 1.0F;
  Option option;
  option.selection = HistorySelection::kHeaviest;
  EXPECT_THAT(SelectHistory(option, 2, world.history, world.state),
              ElementsAre(4, 5));
}

TEST(CanonicalBytesTest, AreAFunctionOfTheInput) {
  const World world(5, 4);
  for (const Readout readout :
       {Readout::kGenerate, Readout::kLabels, Readout::kLikelihood}) {
    EXPECT_EQ(world.RenderAs(readout).CanonicalBytes(),
              world.RenderAs(readout).CanonicalBytes());
  }
}

TEST(CanonicalBytesTest, DifferWhereverPromptsDiffer) {
  const RenderedPrompt prompt = World(5, 4).RenderAs(Readout::kLikelihood);
  const std::string bytes = prompt.CanonicalBytes();
  RenderedPrompt other = prompt;
  other.readout = Readout::kLabels;
  EXPECT_NE(other.CanonicalBytes(), bytes);
  other = prompt;
  other.prior_prefix += "x";
  EXPECT_NE(other.CanonicalBytes(), bytes);
  other = prompt;
  std::swap(other.displayed_titles[0], other.displayed_titles[1]);
  EXPECT_NE(other.CanonicalBytes(), bytes);
  other = prompt;
  other.messages[0].role = "user";
  EXPECT_NE(other.CanonicalBytes(), bytes);
  // The same characters, divided differently.
  other = prompt;
  other.displayed_titles[0] += "zq";
  other.displayed_titles[1].erase(0, 2);
  EXPECT_NE(other.CanonicalBytes(), bytes);
}

}  // namespace
}  // namespace attune::policy
