// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_CATALOG_H_
#define ATTUNE_POLICY_CATALOG_H_

// The ordered patterns and their options for one domain: the action space, as
// data. A catalog is a YAML file (policy/catalogs/*.yaml); its digest ties trained
// weights to the exact sentences they were trained with.
//
// Life cycle: Parse() once, then shared as `std::shared_ptr<const Catalog>`.
// Thread-compatible: const methods may run concurrently.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/choice.h"

namespace attune::policy {

// What an agent's pattern puts into the prompt.
enum class PatternKind {
  kHistory,   // how many and which history items are shown
  kHint,      // what the collaborative embeddings know, said in words
  kSentence,  // a sentence of the catalog (role, reasoning)
  kFormat,    // a sentence plus the answer contract of each readout
};

// Which history items fill the length that the history agent chose. Whatever the
// selection, items are shown oldest first.
enum class HistorySelection { kMostRecent, kHeaviest, kNearest };

// Where a hint's items come from.
enum class HintSource {
  kNone,        // no hint
  kCandidates,  // the best `count` candidates by collaborative score
  kNeighbours,  // the `count` nearest items of the whole item table that are
                // neither in the history nor among the candidates
  kGenres,      // the `count` most frequent genres of the history
};

// Where an option that was not written by a person comes from: RPP+ rewrote the
// sentence of an option before it and measured both on the same tasks.
struct Lineage {
  // Id of the rewritten option; it precedes this one in the pattern.
  std::string parent;
  // Who rewrote it: the model, and the version of our instruction. Lines of
  // plain text, not empty.
  std::string model;
  std::string instruction;
  // Id of the revision whose policy the sentence was rewritten for.
  std::string revision;
  // Mean rewards of this option and of its parent on `tasks` common tasks. In
  // [0, 1]; >= 1.
  double reward = 0.0;
  double parent_reward = 0.0;
  int tasks = 0;
};

// One thing an agent can choose for its pattern. Only the fields of the pattern's
// kind are set.
struct Option {
  // ^[a-z0-9][a-z0-9_]{0,62}$, unique within the pattern.
  std::string id;
  // kSentence, kFormat: the sentence, possibly empty. kHint: the sentence with
  // the slot {items} (or {genres}) that is filled with sanitized titles.
  std::string text;
  // kHistory: absolute catalogs: items to show, >= 1; cumulative ones: items to
  // add, >= 0.
  int history_length = 0;
  HistorySelection selection = HistorySelection::kMostRecent;
  // kHint.
  HintSource hint = HintSource::kNone;
  int hint_count = 0;
  // kFormat: what ends the user message for `generate` and `labels`; for
  // `likelihood` the beginning of the assistant's answer (the primer), after
  // which a title is scored.
  std::string generate_contract;
  std::string labels_contract;
  std::string likelihood_primer;
  // All kinds but kHistory; unset for options that a person wrote.
  std::optional<Lineage> lineage;
};

// One slot of the prompt. One agent per pattern.
struct Pattern {
  // "role", "history", "hint", "reasoning" or "format"; unique.
  std::string name;
  PatternKind kind = PatternKind::kSentence;
  // Option that `default prompt` uses. In [0, options.size()).
  int default_option = 0;
  // At least 1, at most 64.
  std::vector<Option> options;
};

// Where the sentences stand and how the history is ordered.
enum class Layout {
  // System message: role. User message: history (oldest first), hint, candidates,
  // reasoning, format.
  kRoleFirst,
  // User message: history (newest first), candidates, hint, reasoning, role,
  // format: prompts of one task begin alike, so that an LLM evaluates that once.
  kDataFirst,
};

struct Catalog {
  // Parses and validates the bytes of a catalog file.
  //
  // kInvalidArgument names the field and the line if something is missing, out of
  // range, repeated, or unknown.
  static absl::StatusOr<std::shared_ptr<const Catalog>> Parse(
      std::string_view yaml);

  // Index of the pattern called `name`, or -1.
  int FindPattern(std::string_view name) const;
  // Index of the option `id` of `pattern`, or -1.
  int FindOption(int pattern, std::string_view id) const;
  // Every pattern's default option with probability 1.
  Choice DefaultChoice() const;
  // Number of options of all patterns together.
  int TotalOptions() const;
  // Number of options of each pattern.
  std::vector<int> OptionCounts() const;

  // ^[a-z0-9][a-z0-9_-]{0,62}$, for instance "movies" or "movies_paper".
  std::string name;
  // "movies", "games", "music" or "generic".
  std::string domain;
  // The exact bytes that were parsed and their SHA-256 in lower-case hex.
  std::string yaml;
  std::string digest;
  // True for the paper's form: history options add to the previous length.
  bool cumulative_history = false;
  // Cumulative catalogs: length before the first decision's addition. >= 1.
  int initial_history_length = 1;
  // Frame sentences around the data, ours: the line before the history, before
  // the candidates, and the neutral text whose continuation is the prior.
  std::string history_intro;
  std::string candidates_intro;
  std::string prior_prefix;
  // True if `likelihood` prompts list the candidates too. Other readouts always do.
  bool likelihood_lists_candidates = false;
  // The renderer's order.
  Layout layout = Layout::kRoleFirst;
  // Patterns in the order in which the agents decide: history, hint, reasoning,
  // role, format. The renderer's order is its own.
  std::vector<Pattern> patterns;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_CATALOG_H_
