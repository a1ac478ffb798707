// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_USER_SHUFFLE_H_
#define ATTUNE_TRAINER_USER_SHUFFLE_H_

// The user-shuffle test: every task gets the choice that the policy made for
// another user. If nothing drops, nothing was personalized.
//
// Users are exchanged only between tasks of the same slices, so that the test
// does not credit a policy for telling, say, short histories from long ones
// where the report already has a row for each.
//
// Pure functions; safe to call from any thread.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "trainer/environment.h"

namespace attune::trainer {

// For each task the index of the task whose choice it gets: of another user and
// of equal slices; -1 where no other user has such a task. Among the tasks of
// equal slices the users are permuted in one random cycle, so nobody keeps a
// choice of their own and nobody's is used for two users.
std::vector<int> ShuffledSources(absl::Span<const Task> tasks, uint64_t seed);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_USER_SHUFFLE_H_
