// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SUMMED_HEADS_H_
#define ATTUNE_TRAINER_SUMMED_HEADS_H_

// A revision whose logits are its parent's plus linear scores, exactly: the
// linear heads (linear_heads.h) become further hidden units of the parent's, under
// the parent's own option projection. The item table, the encoder and the catalog
// stay, so that what was logged under the parent also values the child.
//
// Each continuation adds twice as many hidden units as the largest pattern has
// options.
//
// Pure functions; safe to call from any thread.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "policy/revision.h"
#include "trainer/linear_heads.h"

namespace attune::trainer {

// What a child's manifest says beside what it takes from its parent.
struct ChildFacts {
  std::string parent_revision;
  v1::TrainingFacts training;
  // Seconds since the epoch.
  int64_t created_seconds = 0;
  // Of the child; the parent's if negative.
  double exploration_floor = -1.0;
};

// The parts of a revision with scores added to the parent's logits. A parent with
// uniform heads gets heads that see earlier options. kInvalidArgument if the parent's
// tensors are not those of its manifest.
absl::StatusOr<policy::RevisionParts> AddScores(policy::RevisionParts parent,
                                                const LinearScores& scores,
                                                const ChildFacts& facts);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SUMMED_HEADS_H_
