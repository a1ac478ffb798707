// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_REWRITER_H_
#define ATTUNE_TRAINER_REWRITER_H_

// Who proposes new sentences for a pattern (RPP+): an LLM (llm_rewriter.h) or
// the simulated one. What it proposes is judged by rewrite_lint.h and then by
// the rewards it earns; nothing is taken on trust.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/catalog.h"

namespace attune::trainer {

// A task that went badly with the sentence. Places, no titles: what is not said
// to the rewriter cannot come back in a sentence.
struct FailedCase {
  int shown_at = 0;    // 1-based place of the true item in the displayed list
  int ranked_at = 0;   // 1-based rank it was given
  int candidates = 0;  // length of the list
};

struct RewriteRequest {
  // The pattern whose sentence is to be rewritten; not kHistory.
  std::string pattern;
  policy::PatternKind kind = policy::PatternKind::kSentence;
  // The sentence as it stands in the catalog, with its slots.
  std::string sentence;
  // Catalog::domain.
  std::string domain;
  // Worst first; may be empty.
  std::vector<FailedCase> failures;
  // Sentences wanted. >= 1.
  int count = 1;
  // Of whatever the rewriter draws.
  uint64_t seed = 1;
};

// Not thread-safe.
class Rewriter {
 public:
  virtual ~Rewriter() = default;

  // At most `count` sentences, unjudged: they may be empty, essays or repeats.
  // A status if there is not a single one: the rewriter cannot be reached, or
  // its answers make no sense.
  virtual absl::StatusOr<std::vector<std::string>> Rewrite(
      const RewriteRequest& request) = 0;

  // Model and instruction; part of a new option's lineage. No secrets.
  virtual std::string Model() const = 0;
  virtual std::string InstructionVersion() const = 0;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_REWRITER_H_
