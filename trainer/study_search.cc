// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/study_search.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "policy/status_macros.h"
#include "trainer/edit_search.h"
#include "trainer/fixed_search.h"

namespace attune::trainer {
namespace {

// Stream of a seed; see policy::Rng.
constexpr uint64_t kOrderStream = 46;

std::vector<Task> InOrderOf(uint64_t seed, std::vector<Task> tasks) {
  policy::Rng rng(seed, kOrderStream);
  for (auto i = static_cast<uint32_t>(tasks.size()); i > 1; --i) {
    std::swap(tasks[i - 1], tasks[rng.Below(i)]);
  }
  return tasks;
}

}  // namespace

absl::StatusOr<FoundPrompt> SearchForPrompt(StudyWorld& world,
                                            const std::string& name,
                                            uint64_t seed, int budget,
                                            const StudyProgress& progress) {
  const std::vector<Task> tasks =
      InOrderOf(seed, world.ValidationTasks(/*users=*/0, /*draws=*/1));
  const std::string step = absl::StrCat(name, " search, seed ", seed);
  const auto on_spent = [&](int spent) {
    if (progress) progress(step, spent, budget);
  };
  FoundPrompt found{.method = name, .seed = seed};
  const auto take = [&found](const auto& result) {
    found.options = result.best;
    found.llm_rankings = result.llm_rankings;
    found.validation_ndcg = result.mean;
  };
  if (name == kEditSearch) {
    ATTUNE_ASSIGN_OR_RETURN(
        const EditSearchResult result,
        SearchByEdits(world.policy(), world.backend(), tasks,
                      {.budget = budget, .seed = seed, .progress = on_spent}));
    take(result);
  } else if (name == kBestFixed) {
    ATTUNE_ASSIGN_OR_RETURN(
        const FixedSearchResult result,
        SearchFixedPrompt(
            world.policy(), world.backend(), tasks,
            {.budget = budget, .seed = seed, .progress = on_spent}));
    take(result);
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "--searches: ", name, " is neither best_fixed nor edit_search"));
  }
  return found;
}

}  // namespace attune::trainer
