// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_RENDERER_H_
#define ATTUNE_POLICY_RENDERER_H_

// Renders a choice into chat messages of typed segments. Deterministic: the same
// catalog, choice, request and permutation give the same bytes.
//
// The catalog's layout (catalog.h) says where each part stands. `likelihood` adds an
// assistant message, the primer.
// Untrusted strings are sanitized and only ever stand in kUntrustedData segments.

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "policy/catalog.h"
#include "policy/choice.h"
#include "policy/item.h"
#include "policy/ranking.h"
#include "policy/user_state.h"

namespace attune::policy {

// Values equal v1::SegmentKind.
enum class SegmentKind { kInstruction = 1, kUntrustedData = 2 };

struct Segment {
  SegmentKind kind = SegmentKind::kInstruction;
  // "instruction", "history", "hint" or "candidates". A static string.
  const char* source = "instruction";
  std::string text;
};

struct Message {
  // "system", "user" or "assistant". A static string.
  const char* role = "user";
  std::vector<Segment> segments;
  // The segments' texts, concatenated.
  std::string Text() const;
};

struct RenderedPrompt {
  Readout readout = Readout::kLikelihood;
  std::vector<Message> messages;
  // Sanitized titles in displayed order; for kLikelihood the continuations.
  std::vector<std::string> displayed_titles;
  // Neutral text whose continuation is the prior. Empty unless kLikelihood.
  std::string prior_prefix;

  // The bytes that identify the prompt (reward cache, golden vectors): readout,
  // roles, texts, titles and prior prefix, length-prefixed.
  std::string CanonicalBytes() const;
};

// What there is to render.
struct RenderInput {
  const Catalog& catalog;
  const Choice& choice;
  absl::Span<const Item> history;
  absl::Span<const Item> candidates;
  // Scores and nearness of this very request.
  const UserState& state;
  // For kNeighbours hints.
  const ItemTable& items;
  const Permutation& permutation;
  Readout readout;
};

// REQUIRES: the choice fits the catalog and the request is valid.
RenderedPrompt Render(const RenderInput& input);

// Indices into the history (oldest first) that the choice shows.
std::vector<int> SelectHistory(const Option& option, int length,
                               absl::Span<const Item> history,
                               const UserState& state);

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_RENDERER_H_
