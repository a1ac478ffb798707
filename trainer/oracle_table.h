// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ORACLE_TABLE_H_
#define ATTUNE_TRAINER_ORACLE_TABLE_H_

// A few choices asked on every target of some users: what the per-user oracle,
// the headroom (headroom.h) and the option effects (option_effects.h) are
// computed from.
//
// Not thread-safe beyond the backend's own safety; all but FillOracleTable() is
// pure.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "policy/catalog.h"
#include "policy/policy.h"
#include "trainer/environment.h"
#include "trainer/evaluate.h"
#include "trainer/halving.h"
#include "trainer/headroom.h"
#include "trainer/option_effects.h"
#include "trainer/study.h"

namespace attune::trainer {

// At most `limit` distinct choices: `fixed` first (the best fixed prompt in
// front), then its single changes of the hint, then what the runs chose most
// often, then its other single changes. REQUIRES: fixed is not empty.
std::vector<FixedOptions> OracleChoices(const policy::Catalog& catalog,
                                        absl::Span<const FixedOptions> fixed,
                                        absl::Span<const MethodRun> runs,
                                        int limit);

struct OracleTable {
  std::vector<FixedOptions> choices;  // [0] is the best fixed prompt
  // [choice][task]; tasks of other users are left out (Outcome::rank).
  std::vector<std::vector<Outcome>> outcomes;
  Cost cost;
};

// Asks every choice on the tasks of the first `users` users.
absl::StatusOr<OracleTable> FillOracleTable(const policy::Policy& policy,
                                            std::vector<FixedOptions> choices,
                                            absl::Span<const Task> tasks,
                                            int users, LlmBackend& backend,
                                            const EvaluateOptions& options);

// One table a user who was asked, with the user's tasks of the slice.
std::vector<UserRewards> UserTables(absl::Span<const Task> tasks,
                                    const OracleTable& table, Slice slice);

// What the per-user oracle would have got: for each user whatever was best of
// the table's choices and what the runs' prompts chose, by the mean over the very
// tasks that it is reported on. An upper bound for these, not a method.
MethodRun OracleRun(absl::Span<const Task> tasks, const OracleTable& table,
                    absl::Span<const MethodRun> runs);

struct NamedEffect {
  std::string pattern;
  std::string option;
  OptionEffect effect;
};
// Of every option whose single change of the best fixed prompt is in the table,
// against the pattern's default if that is there too.
std::vector<NamedEffect> EffectsOf(const policy::Catalog& catalog,
                                   absl::Span<const Task> tasks,
                                   const OracleTable& table, uint64_t seed);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ORACLE_TABLE_H_
