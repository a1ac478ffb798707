// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_USER_SHUFFLE_H_
#define ATTUNE_TRAINER_USER_SHUFFLE_H_

// The user-shuffle test: every task gets the choice that the policy made for
// another user. If nothing drops, nothing was personalized.
//
// Any other user, or only one whose task is of the same slices (as cold, as
// heavy): the stricter test, which does not credit a policy for telling short
// histories from long ones, or known candidates from unknown ones.
//
// Pure functions; safe to call from any thread.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "trainer/environment.h"

namespace attune::trainer {

enum class ShuffleScope { kAllUsers, kSameSlices };

// For each task the index of the task whose choice it gets: of another user, of
// equal slices if the scope says so; -1 where no other user has such a task.
// Among those tasks the users are permuted in one random cycle, so nobody keeps
// a choice of their own and nobody's is used for two users.
std::vector<int> ShuffledSources(absl::Span<const Task> tasks,
                                 ShuffleScope scope, uint64_t seed);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_USER_SHUFFLE_H_
