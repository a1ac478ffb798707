// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_TASK_STREAM_H_
#define ATTUNE_TRAINER_TASK_STREAM_H_

// Which tasks a run meets, one after another: each user once an epoch, in an
// order of the epoch's own. A place in the stream is a number, so that a
// checkpoint holds no generator's state.
//
// Pure functions; safe to call from any thread.

#include <compare>
#include <cstdint>
#include <functional>
#include <vector>

#include "trainer/environment.h"

namespace attune::trainer {

// Users to learn from: real train users, or simulated ones.
struct TaskSource {
  int num_users = 0;
  // The `draw`-th task of user `index` in [0, num_users); see
  // Environment::MakeTask.
  std::function<Task(int index, int draw, int ordinal)> make_task;
};

// Arguments of TaskSource::make_task: equal ones make equal tasks.
struct TaskId {
  int user = 0;
  int draw = 0;
  int ordinal = 0;
  auto operator<=>(const TaskId&) const = default;
};

struct TaskStreamOptions {
  uint64_t seed = 1;
  // Tasks of one user after which the first one comes again, so that its
  // default prompt need not be asked anew; 0: never.
  int draws_per_user = 0;
};

// Tasks number `begin` to `begin + count` of the stream.
std::vector<TaskId> TasksAt(int64_t begin, int count, int num_users,
                            const TaskStreamOptions& options);

// The user that the `index`-th task of a run is about.
int UserAt(int64_t index, int num_users, uint64_t seed);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_TASK_STREAM_H_
