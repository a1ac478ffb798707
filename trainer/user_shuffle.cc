// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/user_shuffle.h"

#include <map>
#include <tuple>
#include <utility>

#include "policy/random.h"

namespace attune::trainer {
namespace {

// Stream of the seed; see policy::Rng.
constexpr uint64_t kStream = 43;

using SliceKey = std::tuple<bool, bool, bool>;

SliceKey KeyOf(const TaskSlices& slices) {
  return {slices.cold_user, slices.cold_item, slices.heavy_user};
}

// A random permutation that is one cycle (Sattolo 1986): no fixed points.
std::vector<int> RandomCycle(int count, policy::Rng& rng) {
  std::vector<int> cycle(count);
  for (int i = 0; i < count; ++i) cycle[i] = i;
  for (int i = count - 1; i > 0; --i) {
    std::swap(cycle[i], cycle[rng.Below(static_cast<uint32_t>(i))]);
  }
  return cycle;
}

}  // namespace

std::vector<int> ShuffledSources(absl::Span<const Task> tasks,
                                 ShuffleScope scope, uint64_t seed) {
  // Slices -> user -> tasks.
  std::map<SliceKey, std::map<int, std::vector<int>>> groups;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const SliceKey key = scope == ShuffleScope::kSameSlices
                             ? KeyOf(tasks[i].slices)
                             : SliceKey();
    groups[key][tasks[i].user].push_back(static_cast<int>(i));
  }
  std::vector<int> sources(tasks.size(), -1);
  policy::Rng rng(seed, kStream);
  for (const auto& [key, users] : groups) {
    std::vector<const std::vector<int>*> of_user;
    for (const auto& [user, indices] : users) of_user.push_back(&indices);
    const int count = static_cast<int>(of_user.size());
    const std::vector<int> cycle = RandomCycle(count, rng);
    if (count < 2) continue;
    for (int u = 0; u < count; ++u) {
      const std::vector<int>& theirs = *of_user[cycle[u]];
      for (size_t t = 0; t < of_user[u]->size(); ++t) {
        sources[(*of_user[u])[t]] = theirs[t % theirs.size()];
      }
    }
  }
  return sources;
}

}  // namespace attune::trainer
