// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rewrite_lint.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "policy/sanitizer.h"
#include "policy/text_features.h"

namespace attune::trainer {
namespace {

// Wide, so that the projection's noise is small beside the thresholds.
constexpr int kEmbeddingDim = 1024;

constexpr absl::string_view kAnswerForms[] = {
    "json",     "xml",     "html",      "yaml",       "csv",
    "markdown", "table",   "paragraph", "paragraphs", "essay",
    "letter",   "letters", "label",     "labels",     "title",
    "titles",   "number",  "numbers",   "numbered",   "bullet",
    "bullets",  "comma",   "commas",    "line",       "lines"};

absl::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

bool IsWordByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (IsWordByte(c)) {
      word += absl::ascii_tolower(static_cast<unsigned char>(c));
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

// "{items}", ... in order; an open brace that nothing closes is one too.
std::vector<std::string> Slots(std::string_view text) {
  std::vector<std::string> slots;
  for (size_t at = text.find_first_of("{}"); at != std::string_view::npos;
       at = text.find_first_of("{}", at)) {
    const size_t end = text[at] == '{' ? text.find('}', at) : at;
    slots.emplace_back(text.substr(at, end == std::string_view::npos
                                           ? std::string_view::npos
                                           : end + 1 - at));
    if (end == std::string_view::npos) break;
    at = end + 1;
  }
  return slots;
}

std::string WithoutSlots(std::string_view text) {
  std::string out(text);
  for (const std::string& slot : Slots(text)) {
    out = absl::StrReplaceAll(out, {{slot, " "}});
  }
  return out;
}

bool IsEssay(std::string_view sentence, const LintLimits& limits) {
  return static_cast<int>(sentence.size()) > limits.max_bytes ||
         static_cast<int>(Words(sentence).size()) > limits.max_words ||
         sentence.find_first_of("\r\n") != std::string_view::npos;
}

bool HasMarkup(std::string_view sentence) {
  return policy::Sanitize(sentence, static_cast<int>(sentence.size()) + 1) !=
             sentence ||
         sentence.find_first_of("*`#<>|\"\\") != std::string_view::npos;
}

bool OrdersAForm(std::string_view sentence) {
  for (const std::string& word : Words(sentence)) {
    if (std::find(std::begin(kAnswerForms), std::end(kAnswerForms), word) !=
        std::end(kAnswerForms)) {
      return true;
    }
  }
  return false;
}

// Whether `words`, at word borders, are in `text`; both as they are.
bool ContainsWords(absl::string_view text, absl::string_view words) {
  for (size_t at = text.find(words); at != absl::string_view::npos;
       at = text.find(words, at + 1)) {
    const size_t end = at + words.size();
    if ((at == 0 || !IsWordByte(text[at - 1])) &&
        (end == text.size() || !IsWordByte(text[end]))) {
      return true;
    }
  }
  return false;
}

// "Heat (1995)" -> "Heat".
absl::string_view WithoutYear(absl::string_view title) {
  const size_t n = title.size();
  if (n > 7 && title[n - 1] == ')' && title[n - 6] == '(' &&
      title[n - 7] == ' ') {
    return title.substr(0, n - 7);
  }
  return title;
}

bool IsDuplicate(std::string_view sentence, const policy::Pattern& pattern) {
  return std::any_of(pattern.options.begin(), pattern.options.end(),
                     [&](const policy::Option& option) {
                       return absl::EqualsIgnoreCase(option.text,
                                                     View(sentence));
                     });
}

}  // namespace

const char* Name(LintRefusal refusal) {
  switch (refusal) {
    case LintRefusal::kEmpty:
      return "empty";
    case LintRefusal::kEssay:
      return "essay";
    case LintRefusal::kMarkup:
      return "markup";
    case LintRefusal::kSlots:
      return "slots";
    case LintRefusal::kContract:
      return "contract";
    case LintRefusal::kTitle:
      return "title";
    case LintRefusal::kDuplicate:
      return "duplicate";
    case LintRefusal::kTooClose:
      return "too_close";
    case LintRefusal::kTooFar:
      return "too_far";
  }
  return "";
}

std::string TrimAnswer(std::string_view sentence) {
  absl::string_view text = absl::StripAsciiWhitespace(View(sentence));
  if (text.size() >= 2 && text.front() == text.back() &&
      (text.front() == '"' || text.front() == '\'')) {
    text = absl::StripAsciiWhitespace(text.substr(1, text.size() - 2));
  }
  return std::string(text);
}

bool NamesTitle(std::string_view sentence, std::string_view title) {
  const std::string clean = policy::SanitizeTitle(title);
  const absl::string_view name = WithoutYear(clean);
  if (Words({name.data(), name.size()}).size() < 2) {
    return ContainsWords(View(sentence), name);
  }
  return ContainsWords(absl::AsciiStrToLower(View(sentence)),
                       absl::AsciiStrToLower(name));
}

double SentenceCosine(std::string_view a, std::string_view b) {
  return policy::SentenceEmbedding(WithoutSlots(a), kEmbeddingDim)
      .dot(policy::SentenceEmbedding(WithoutSlots(b), kEmbeddingDim));
}

std::optional<LintRefusal> Lint(std::string_view sentence,
                                const LintContext& context,
                                const LintLimits& limits) {
  const policy::Pattern& pattern = context.pattern;
  const std::string& parent = pattern.options[context.parent].text;
  if (absl::StripAsciiWhitespace(View(sentence)).empty()) {
    return LintRefusal::kEmpty;
  }
  if (IsEssay(sentence, limits)) return LintRefusal::kEssay;
  if (HasMarkup(sentence)) return LintRefusal::kMarkup;
  if (Slots(sentence) != Slots(parent)) return LintRefusal::kSlots;
  if (pattern.kind == policy::PatternKind::kFormat && OrdersAForm(sentence)) {
    return LintRefusal::kContract;
  }
  for (const std::string& title : context.titles) {
    if (NamesTitle(sentence, title) && !NamesTitle(parent, title)) {
      return LintRefusal::kTitle;
    }
  }
  if (IsDuplicate(sentence, pattern)) return LintRefusal::kDuplicate;
  const double cosine = SentenceCosine(sentence, parent);
  if (cosine > limits.max_cosine) return LintRefusal::kTooClose;
  if (cosine < limits.min_cosine) return LintRefusal::kTooFar;
  return std::nullopt;
}

}  // namespace attune::trainer
