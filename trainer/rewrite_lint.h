// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REWRITE_LINT_H_
#define ATTUNE_TRAINER_REWRITE_LINT_H_

// Whether a sentence that an LLM wrote may stand in a catalog. Every reason to
// refuse one has a name.
//
// Pure functions; safe to call from any thread.

#include <optional>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "policy/catalog.h"

namespace attune::trainer {

enum class LintRefusal {
  kEmpty,      // nothing but white space
  kEssay,      // several lines, or longer than the limits
  kMarkup,     // controls, invalid UTF-8, chat markers, quotes around it, ...:
               // anything that sanitizing would change, or Markdown
  kSlots,      // not exactly the parent's slots, each once
  kContract,   // `format`: orders a form of answer, which the contracts do
  kTitle,      // names an item that the rewriter's tasks showed
  kDuplicate,  // the sentence of another option, whatever its case
  kTooClose,   // says what the parent says
  kTooFar,     // has nothing to do with the parent
};

// "empty", "essay", ...: one word for reports.
const char* Name(LintRefusal refusal);

struct LintLimits {
  // A sentence is paid for in every prompt.
  int max_bytes = 280;
  int max_words = 45;
  // Of the cosine of the sentence embeddings with the parent's. Calibrated on
  // the shipped catalogs and hand-written rewrites: sentences without a common
  // word lie within 0.1 of 0, rewrites that keep words between 0.14 and 0.9,
  // other punctuation above 0.95. Embeddings of n-grams know no synonyms: a
  // rewrite that keeps no word at all is refused too.
  double min_cosine = 0.1;
  double max_cosine = 0.95;
};

struct LintContext {
  const policy::Pattern& pattern;
  // Index of the rewritten option.
  int parent = 0;
  // Titles in the histories and among the candidates of the tasks at hand.
  absl::Span<const std::string> titles;
};

// `sentence` without white space and one pair of quotes around it: what LLMs
// put around an answer.
std::string TrimAnswer(std::string_view sentence);

// nullopt if the sentence may become an option beside `context.parent`;
// otherwise the first reason, in the order of the enum.
std::optional<LintRefusal> Lint(std::string_view sentence,
                                const LintContext& context,
                                const LintLimits& limits = LintLimits());

// Cosine of the sentences' embeddings, slots left out.
double SentenceCosine(std::string_view a, std::string_view b);

// Whether `sentence` names `title`, its year left out, as whole words. Titles
// of one word count only as they are written: "Her" is not in "for her".
bool NamesTitle(std::string_view sentence, std::string_view title);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REWRITE_LINT_H_
