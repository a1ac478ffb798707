// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_STUDY_SEARCH_H_
#define ATTUNE_TRAINER_STUDY_SEARCH_H_

// Searches for a fixed prompt on a study's validation users: what
// personalization has to beat.
//
// Not thread-safe.

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "trainer/evaluation.h"
#include "trainer/study_world.h"

namespace attune::trainer {

// How far a step of a study is.
using StudyProgress =
    std::function<void(const std::string& step, int done, int total)>;

inline constexpr char kBestFixed[] = "best_fixed";    // fixed_search.h
inline constexpr char kEditSearch[] = "edit_search";  // edit_search.h

// Each seed goes through the validation users in an order of its own.
// kInvalidArgument if `name` is neither of the above; otherwise errors of the
// search.
absl::StatusOr<FoundPrompt> SearchForPrompt(StudyWorld& world,
                                            const std::string& name,
                                            uint64_t seed, int budget,
                                            const StudyProgress& progress);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_STUDY_SEARCH_H_
