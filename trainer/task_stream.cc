// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/task_stream.h"

#include <numeric>
#include <utility>

#include "policy/random.h"

namespace attune::trainer {
namespace {

// Stream of the run's seed; see policy::Rng.
constexpr uint64_t kUserStream = 61;
// Ordinals stay below this, so that sums with draws do not overflow.
constexpr int64_t kOrdinals = 1000000;

std::vector<int> OrderOf(int64_t epoch, int num_users, uint64_t seed) {
  std::vector<int> order(num_users);
  std::iota(order.begin(), order.end(), 0);
  policy::Rng rng(seed ^ policy::Mix64(static_cast<uint64_t>(epoch)),
                  kUserStream);
  for (int i = num_users; i > 1; --i) {
    std::swap(order[i - 1], order[rng.Below(static_cast<uint32_t>(i))]);
  }
  return order;
}

}  // namespace

std::vector<TaskId> TasksAt(int64_t begin, int count, int num_users,
                            const TaskStreamOptions& options) {
  std::vector<TaskId> ids;
  std::vector<int> order;
  int64_t epoch = -1;
  for (int64_t index = begin; index < begin + count; ++index) {
    if (index / num_users != epoch) {
      epoch = index / num_users;
      order = OrderOf(epoch, num_users, options.seed);
    }
    TaskId id{.user = order[index % num_users],
              .draw = static_cast<int>(epoch),
              .ordinal = static_cast<int>(index % kOrdinals)};
    if (options.draws_per_user > 0) {
      // The same task whenever it comes, so its target stays where it was.
      id.draw = static_cast<int>(epoch % options.draws_per_user);
      id.ordinal = id.user;
    }
    ids.push_back(id);
  }
  return ids;
}

int UserAt(int64_t index, int num_users, uint64_t seed) {
  return OrderOf(index / num_users, num_users, seed)[index % num_users];
}

}  // namespace attune::trainer
