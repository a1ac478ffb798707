// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/sanitizer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace attune::policy {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Decoded {
  char32_t code_point = kReplacement;
  int bytes = 1;
  bool valid = false;
};

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// The code point at the front of `text`; one invalid byte if it is ill-formed.
Decoded DecodeFront(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || static_cast<int>(text.size()) < length) {
    return {};
  }
  char32_t code_point = lead & (0xFFU >> (length + 1));
  for (int i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return {};
    code_point =
        (code_point << 6) | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < kSmallest[length] || code_point > 0x10FFFF || surrogate) {
    return {};
  }
  return {code_point, length, true};
}

void Append(char32_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (c >> 6)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (c >> 12)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (c >> 18)));
    out.push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

bool Within(char32_t c, char32_t low, char32_t high) {
  return c >= low && c <= high;
}

// White space and controls that separate words.
bool IsSpace(char32_t c) {
  return c <= 0x20 || Within(c, 0x7F, 0xA0) || c == 0x1680 ||
         Within(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

// Invisible characters that could reorder, hide or smuggle text.
bool IsInvisible(char32_t c) {
  return c == 0xAD || c == 0x34F || c == 0x61C || c == 0x180E ||
         Within(c, 0x115F, 0x1160) || Within(c, 0x17B4, 0x17B5) ||
         Within(c, 0x180B, 0x180F) || Within(c, 0x200B, 0x200F) ||
         Within(c, 0x202A, 0x202E) || Within(c, 0x2060, 0x206F) ||
         c == 0x3164 || Within(c, 0xFE00, 0xFE0F) || c == 0xFEFF ||
         c == 0xFFA0 || Within(c, 0xFFF9, 0xFFFB) ||
         Within(c, 0xE0000, 0xE0FFF) || (c & 0xFFFE) == 0xFFFE ||
         Within(c, 0xFDD0, 0xFDEF);
}

// Whether `c` after `previous` would begin something that chat templates or
// markup give a meaning.
bool CompletesMarker(char32_t previous, char32_t c) {
  return (previous == '<' && (c == '|' || c == '/')) ||
         (previous == '|' && c == '>') || (previous == '#' && c == '#') ||
         (previous == '`' && c == '`') || (previous == '[' && c == '[');
}

// Whether the text that was kept ends like "[INST" or "[/INST", so that a
// closing bracket would complete a marker.
bool EndsInInstructionTag(const std::string& kept) {
  return absl::EndsWithIgnoreCase(kept, "[INST") ||
         absl::EndsWithIgnoreCase(kept, "[/INST");
}

// What a character is to a text that may need no sanitizing.
constexpr uint8_t kPlain = 0;
constexpr uint8_t kSpace = 1;
constexpr uint8_t kComma = 2;
constexpr uint8_t kOther = 4;

constexpr std::array<uint8_t, 256> MakeClasses() {
  std::array<uint8_t, 256> classes = {};
  for (int c = 0; c < 256; ++c) {
    classes[c] = c < 0x20 || c >= 0x7F ? kOther : kPlain;
  }
  for (const char c : {'<', '|', '#', '`', '[', ']'}) classes[c] = kOther;
  classes[' '] = kSpace;
  classes[','] = kComma;
  return classes;
}
constexpr std::array<uint8_t, 256> kClasses = MakeClasses();

// The classes of a text's characters, or'ed; kOther too if a space is not a
// single one between other characters. Of almost every title that is at most
// kSpace. Without branches: where the spaces are cannot be predicted.
uint8_t ClassesOf(std::string_view text) {
  uint8_t all = kPlain;
  uint8_t misplaced = kPlain;
  uint8_t previous = kSpace;
  for (const char c : text) {
    const uint8_t here = kClasses[static_cast<unsigned char>(c)];
    all |= here;
    misplaced |= here & previous;
    previous = here;
  }
  misplaced |= text.empty() ? kPlain : previous;
  return (misplaced & kSpace) != 0 ? all | kOther : all;
}

// Whether Sanitize would return `text` as it is.
bool IsClean(std::string_view text, int max_code_points) {
  return static_cast<int64_t>(text.size()) <= max_code_points &&
         (ClassesOf(text) & kOther) == 0;
}

template <typename Word>
Word Load(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// Overlapping words: no loop over the rest.
bool IsAscii(std::string_view text) {
  const char* const data = text.data();
  const size_t size = text.size();
  uint64_t all = 0;
  if (size >= 8) {
    for (size_t i = 0; i + 8 < size; i += 8) all |= Load<uint64_t>(data + i);
    all |= Load<uint64_t>(data + size - 8);
  } else if (size >= 4) {
    all = Load<uint32_t>(data) | Load<uint32_t>(data + size - 4);
  } else {
    for (const char c : text) all |= static_cast<unsigned char>(c);
  }
  return (all & 0x8080808080808080ULL) == 0;
}

// Moves a trailing article to the front; false if there is none. Each move uses
// up a comma, so moving ends.
bool MoveArticle(std::string& title) {
  if (title.find(',') == std::string::npos) return false;
  // An article is followed by nothing or by something in parentheses.
  const size_t open = title.find(" (");
  const std::string_view body = std::string_view(title).substr(0, open);
  const size_t comma = body.rfind(", ");
  if (comma == std::string_view::npos || comma == 0) return false;
  const std::string_view article = body.substr(comma + 2);
  constexpr std::array<std::string_view, 22> kArticles = {
      "The", "A", "An",  "Le",  "La", "Les", "L'",  "Un",  "Une", "Il",  "Lo",
      "Gli", "I", "Uno", "Una", "El", "Los", "Las", "Der", "Die", "Das", "Ein"};
  if (std::find(kArticles.begin(), kArticles.end(), article) ==
      kArticles.end()) {
    return false;
  }
  std::string moved(article);
  if (moved.back() != '\'') moved += ' ';
  const std::string_view rest = body.substr(0, comma);
  moved.append(rest.substr(0, rest.find_last_not_of(' ') + 1));
  if (open != std::string::npos) moved.append(title, open);
  title = std::move(moved);
  return true;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  if (IsAscii(text)) return true;
  while (!text.empty()) {
    const Decoded front = DecodeFront(text);
    if (!front.valid) return false;
    text.remove_prefix(front.bytes);
  }
  return true;
}

std::string Sanitize(std::string_view text, int max_code_points) {
  if (IsClean(text, max_code_points)) return std::string(text);
  std::string kept;
  kept.reserve(std::min<size_t>(text.size(), 4UL * max_code_points));
  char32_t previous = 0;
  bool space = false;
  int count = 0;
  while (!text.empty() && count < max_code_points) {
    const Decoded front = DecodeFront(text);
    text.remove_prefix(front.bytes);
    const char32_t c = front.code_point;
    if (IsInvisible(c)) continue;
    if (IsSpace(c)) {
      space = !kept.empty();
      continue;
    }
    // The character that would complete a marker is dropped.
    if (!space && (CompletesMarker(previous, c) ||
                   (c == ']' && EndsInInstructionTag(kept)))) {
      continue;
    }
    if (space) {
      if (count + 2 > max_code_points) break;
      kept.push_back(' ');
      ++count;
      space = false;
    }
    Append(c, kept);
    ++count;
    previous = c;
  }
  return kept;
}

void AppendSanitizedTitle(std::string_view title, std::string& out) {
  // Without a comma there is no article to move.
  if (!title.empty() && title.size() <= kMaxTitleCodePoints &&
      ClassesOf(title) <= kSpace) {
    out.append(title);
    return;
  }
  std::string clean = Sanitize(title);
  while (MoveArticle(clean)) {
  }
  out.append(clean.empty() ? "?" : clean);
}

std::string SanitizeTitle(std::string_view title) {
  std::string clean;
  AppendSanitizedTitle(title, clean);
  return clean;
}

}  // namespace attune::policy
