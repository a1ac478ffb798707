// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_SERVER_TRAFFIC_H_
#define ATTUNE_SERVER_TRAFFIC_H_

// Who is served by which revision, as a request sees it: an immutable snapshot
// that RevisionRegistry exchanges as a whole, and the pure function that splits
// users between active and canary.
//
// The split is by the user's pseudonym, which is a keyed hash: every replica
// that has the users' key sends a user to the same revision, nobody without
// the key can choose the side, and a larger share only adds users. Each canary
// gets a split of its own, so that it is not always the same users who try.
// Requests without a user are split by their decision's id, which is random.
//
// Plain values; safe to call from any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "policy/revision.h"
#include "server/decision_token.h"

namespace attune::server {

// What a revision was to a decision. Values equal v1::DecisionRole.
enum class TrafficRole {
  // Nothing: the request named the revision.
  kNamed = 1,
  // Serves everyone who is not in the canary's share.
  kActive = 2,
  // On trial: serves a share of users.
  kCanary = 3,
  // Decides on copies of requests and answers nobody.
  kShadow = 4,
};

struct TrafficSnapshot {
  // Never null.
  std::shared_ptr<const policy::Revision> active;
  // Null if there is none.
  std::shared_ptr<const policy::Revision> canary;
  std::shared_ptr<const policy::Revision> shadow;
  // Of users, for the canary. In [0, 1].
  double canary_share = 0.0;
  // SplitSalt() of the canary.
  uint64_t salt = 0;
  // Number of changes of the traffic so far.
  int64_t sequence = 0;
  // The change since which active, canary and share are what they are.
  int64_t trial = 0;

  bool on_trial() const { return canary != nullptr; }
  // The revision in a role that is not kNamed.
  const std::shared_ptr<const policy::Revision>& In(TrafficRole role) const {
    return role == TrafficRole::kCanary   ? canary
           : role == TrafficRole::kShadow ? shadow
                                          : active;
  }
};

// What sets one canary's split apart from another's.
uint64_t SplitSalt(std::string_view canary_id);

// Who serves this user: kActive or kCanary. No allocation.
TrafficRole Route(const TrafficSnapshot& traffic, const UserPseudonym& user,
                  const DecisionId& decision_id);

}  // namespace attune::server

#endif  // ATTUNE_SERVER_TRAFFIC_H_
