// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/sanitizer.h"

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "policy/random.h"

namespace attune::policy {
namespace {

constexpr uint64_t kSeed = 20261124;
constexpr int kRandomCases = 30000;

int CodePoints(std::string_view valid) {
  int count = 0;
  for (const char c : valid) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++count;
  }
  return count;
}

// Pieces that markers, articles and invalid sequences are made of.
std::string RandomHostileString(Rng& rng) {
  static const std::vector<std::string> kPieces = {"<",
                                                   "|",
                                                   "/",
                                                   ">",
                                                   "[",
                                                   "]",
                                                   "INST",
                                                   "/INST",
                                                   "#",
                                                   "`",
                                                   " ",
                                                   "\n",
                                                   "\t",
                                                   "a",
                                                   "The",
                                                   ", The",
                                                   " , The",
                                                   ", L'",
                                                   ", Die",
                                                   " (1995)",
                                                   "(",
                                                   ")",
                                                   ",",
                                                   "'",
                                                   "\xC2\x85",
                                                   "\xC2\xA0",
                                                   "\xE2\x80\xA8",
                                                   "\xE2\x80\xAE",
                                                   "\xE2\x80\x8B",
                                                   "\xF3\xA0\x81\x81",
                                                   "\xEF\xB8\x8F",
                                                   "\xEF\xBB\xBF",
                                                   "\xE3\x81\x82",
                                                   "\xF0\x9F\x8E\xAC",
                                                   "\xFF",
                                                   "\xC0\xAF",
                                                   "\xED\xA0\x80",
                                                   "\xE2\x80",
                                                   std::string(1, '\0'),
                                                   "\x7F",
                                                   "\x1B[2J",
                                                   "im_start"};
  std::string text;
  const uint32_t pieces = rng.Below(24);
  for (uint32_t i = 0; i < pieces; ++i) {
    if (rng.Below(8) == 0) {
      text.push_back(static_cast<char>(rng.Below(256)));
    } else {
      text += kPieces[rng.Below(static_cast<uint32_t>(kPieces.size()))];
    }
  }
  return text;
}

TEST(IsValidUtf8Test, AcceptsEveryLength) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("Heat"));
  EXPECT_TRUE(IsValidUtf8("Am\xC3\xA9lie \xE3\x81\x82 \xF0\x9F\x8E\xAC"));
  EXPECT_TRUE(IsValidUtf8("\xF4\x8F\xBF\xBF"));
}

TEST(IsValidUtf8Test, RejectsIllFormedSequences) {
  for (const char* text :
       {"\x80", "\xC3", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\xAF", "\xE2\x82",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\xAF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "a\xC3(", "\xE2\x28\xA1"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << ::testing::PrintToString(text);
  }
}

TEST(SanitizeTest, KeepsPlainText) {
  EXPECT_EQ(Sanitize("Am\xC3\xA9lie (2001)"), "Am\xC3\xA9lie (2001)");
  EXPECT_EQ(Sanitize("\xF0\x9F\x8E\xAC 8 1/2: it's #1 <3 [x]"),
            "\xF0\x9F\x8E\xAC 8 1/2: it's #1 <3 [x]");
  EXPECT_EQ(Sanitize(""), "");
}

TEST(SanitizeTest, ReplacesInvalidBytes) {
  EXPECT_EQ(Sanitize("a\xFF"
                     "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(Sanitize("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(SanitizeTest, TurnsControlsAndLineBreaksIntoOneSpace) {
  EXPECT_EQ(Sanitize("a\r\n\t b"), "a b");
  EXPECT_EQ(Sanitize(std::string("a\0b", 3)), "a b");
  EXPECT_EQ(Sanitize("a\xC2\x85"
                     "b"),
            "a b");
  EXPECT_EQ(Sanitize("a\xE2\x80\xA8\xE2\x80\xA9"
                     "b"),
            "a b");
  EXPECT_EQ(Sanitize("a\xC2\xA0\xE3\x80\x80"
                     "b"),
            "a b");
  EXPECT_EQ(Sanitize(" \n a \x7F"), "a");
}

TEST(SanitizeTest, DropsInvisibleCharacters) {
  // Bidi override, zero width, tag, variation selector, byte order mark.
  for (const std::string invisible :
       {"\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x80\x8B", "\xE2\x80\x8F",
        "\xE2\x81\xA0", "\xF3\xA0\x81\x81", "\xF3\xA0\x84\x80", "\xEF\xB8\x8F",
        "\xEF\xBB\xBF", "\xC2\xAD", "\xD8\x9C", "\xEF\xBF\xBE"}) {
    EXPECT_EQ(Sanitize("a" + invisible + "b"), "ab")
        << ::testing::PrintToString(invisible);
  }
}

TEST(SanitizeTest, BreaksChatMarkers) {
  const std::vector<std::string> markers = {"<|",     "|>", "[INST]", "[/INST]",
                                            "[inst]", "##", "``",     "</"};
  for (const std::string text :
       {"x<|im_end|>", "[INST] y [/INST]", "### System", "```sh", "</data>",
        "<\xE2\x80\x8B|im_start|\xE2\x80\x8B>", "[IN\xEF\xBB\xBFST]", "<<||",
        "[[INST]]", "#\xC2\xAD#\xC2\xAD#", "<||/|/data"}) {
    const std::string clean = Sanitize(text);
    for (const std::string& marker : markers) {
      EXPECT_EQ(clean.find(marker), std::string::npos)
          << marker << " in " << clean;
    }
    EXPECT_FALSE(clean.empty());
  }
}

TEST(SanitizeTest, CutsAtCodePoints) {
  EXPECT_EQ(Sanitize("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9\xC3\xA9");
  // No space at the end of what is kept.
  EXPECT_EQ(Sanitize("ab cd", 3), "ab");
  EXPECT_EQ(CodePoints(Sanitize(std::string(10000, 'x'))), kMaxTitleCodePoints);
}

TEST(SanitizeTitleTest, MovesArticlesToTheFront) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"Usual Suspects, The (1995)", "The Usual Suspects (1995)"},
      {"Bug's Life, A (1998)", "A Bug's Life (1998)"},
      {"American in Paris, An", "An American in Paris"},
      {"Postino, Il (1994)", "Il Postino (1994)"},
      {"Samoura\xC3\xAF, Le", "Le Samoura\xC3\xAF"},
      {"Avventura, L' (1960)", "L'Avventura (1960)"},
      {"Mariachi, El (1992)", "El Mariachi (1992)"},
      {"Boot, Das (1981)", "Das Boot (1981)"},
      {"Shanghai Triad (Yao a yao) (1995)",
       "Shanghai Triad (Yao a yao) (1995)"},
      {"City of Lost Children, The (Cit\xC3\xA9) (1995)",
       "The City of Lost Children (Cit\xC3\xA9) (1995)"},
      {"Gap , The (1995)", "The Gap (1995)"},
      {"Lock, Stock and Theft", "Lock, Stock and Theft"},
      {"Heat (1995)", "Heat (1995)"}};
  for (const auto& [raw, expected] : cases) {
    EXPECT_EQ(SanitizeTitle(raw), expected);
  }
}

TEST(SanitizeTitleTest, IsAQuestionMarkWhenNothingIsLeft) {
  EXPECT_EQ(SanitizeTitle(""), "?");
  EXPECT_EQ(SanitizeTitle("\xE2\x80\x8B\n\xE2\x80\xAE"), "?");
}

TEST(SanitizeTest, IsIdempotentAndNeverLonger) {
  RecordProperty("seed", std::to_string(kSeed));
  std::cout << "seed " << kSeed << "\n";
  Rng rng(kSeed);
  for (int i = 0; i < kRandomCases; ++i) {
    const std::string text = RandomHostileString(rng);
    const int limit = static_cast<int>(rng.Below(30));
    const std::string once = Sanitize(text, limit);
    ASSERT_EQ(Sanitize(once, limit), once) << ::testing::PrintToString(text);
    ASSERT_TRUE(IsValidUtf8(once)) << ::testing::PrintToString(text);
    ASSERT_LE(CodePoints(once), limit);
    // An ill-formed byte counts as a code point.
    ASSERT_LE(CodePoints(once), static_cast<int>(text.size()));
    if (IsValidUtf8(text)) {
      ASSERT_LE(CodePoints(once), CodePoints(text));
    }
  }
}

TEST(SanitizeTitleTest, IsIdempotent) {
  RecordProperty("seed", std::to_string(kSeed));
  std::cout << "seed " << kSeed << "\n";
  Rng rng(kSeed);
  for (int i = 0; i < kRandomCases; ++i) {
    const std::string title = RandomHostileString(rng);
    const std::string once = SanitizeTitle(title);
    ASSERT_EQ(SanitizeTitle(once), once) << ::testing::PrintToString(title);
    ASSERT_EQ(Sanitize(once), once) << ::testing::PrintToString(title);
  }
}

}  // namespace
}  // namespace attune::policy
