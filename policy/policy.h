// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_POLICY_H_
#define ATTUNE_POLICY_POLICY_H_

// START HERE. A policy turns a request into a decision: it encodes the user's
// state, lets each pattern's agent choose an option, and renders the prompt.
// Pure given its seed: trainer and server get byte-identical prompts for the
// same revision, request and seed.
//
// Life cycle: made by Revision::Load() or Policy::Uniform(), immutable since.
// Thread-compatible: const methods may run concurrently.
//
// Example:
//   ATTUNE_ASSIGN_OR_RETURN(auto revision, Revision::Load(bytes));
//   ATTUNE_ASSIGN_OR_RETURN(Decision decision,
//       revision->policy().Decide({.history = h, .candidates = c, .seed = 7}));

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/actor.h"
#include "policy/catalog.h"
#include "policy/choice.h"
#include "policy/item.h"
#include "policy/ranking.h"
#include "policy/renderer.h"
#include "policy/user_state.h"

namespace attune::policy {

struct Request {
  // Oldest first; 1 to kMaxHistoryItems, distinct ids.
  absl::Span<const Item> history;
  // kMinCandidates to kMaxCandidates, distinct ids.
  absl::Span<const Item> candidates;
  std::optional<PreviousIteration> previous = std::nullopt;
  DecisionMode mode = DecisionMode::kSample;
  // Unset: the policy's own.
  std::optional<Readout> readout = std::nullopt;
  // Seed of the displayed order and the sampling; each has a stream of its own,
  // so a given choice and a sampled one see the same permutation.
  uint64_t seed = 0;
  // Overrides the seed's displayed order; the trainer stratifies with it.
  std::optional<Permutation> permutation = std::nullopt;
};

struct Decision {
  Choice choice;
  Permutation permutation;
  RenderedPrompt prompt;
  UserState state;
};

// kInvalidArgument, naming the field, if its elements are fewer than `low` or more
// than `high`.
absl::Status CheckCount(const char* field, int64_t count, int low, int high);

// kInvalidArgument if the request is outside the limits of item.h: the message
// names the field of the API ("history[3].title", "history[3].item_id") and the
// limit and never echoes the value.
absl::Status Validate(const Request& request);

class Policy {
 public:
  // Every option equally probable; no item knows anything of another.
  static Policy Uniform(std::shared_ptr<const Catalog> catalog,
                        Readout readout);

  Policy(std::shared_ptr<const Catalog> catalog, UserStateEncoder encoder,
         Actor actor, Readout readout);

  // Validates, encodes, chooses, renders.
  absl::StatusOr<Decision> Decide(const Request& request) const;

  // Renders the given options instead of choosing; every probability is 1.
  // kInvalidArgument if an option does not exist.
  absl::StatusOr<Decision> Preview(const Request& request,
                                   absl::Span<const int> options) const;

  // Only the state: what a learner's networks are fed.
  absl::StatusOr<UserState> Encode(const Request& request) const;

  const Catalog& catalog() const { return *catalog_; }
  std::shared_ptr<const Catalog> shared_catalog() const { return catalog_; }
  const UserStateEncoder& encoder() const { return encoder_; }
  const Actor& actor() const { return actor_; }
  Readout readout() const { return readout_; }

 private:
  // REQUIRE: a validated request.
  UserState EncodeValid(const Request& request) const;
  Decision RenderValid(const Request& request, Choice choice,
                       UserState state) const;

  std::shared_ptr<const Catalog> catalog_;
  UserStateEncoder encoder_;
  Actor actor_;
  Readout readout_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_POLICY_H_
