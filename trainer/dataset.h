// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_DATASET_H_
#define ATTUNE_TRAINER_DATASET_H_

// Interactions in RecBole's atomic-file form, split leave-one-out by time into
// disjoint train, validation and test users.
//
// Thread-compatible: const methods may run concurrently.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/item.h"

namespace attune::trainer {

struct Interaction {
  int item = 0;  // index into Dataset::items
  float weight = 0.0F;
  int64_t seconds = 0;
};

enum class UserSplit { kTrain, kValidation, kTest };

struct User {
  std::string id;
  UserSplit split = UserSplit::kTrain;
  // By time, ties by file order. At least 3; the last is the target: the item
  // that the LLM shall rank first. For train users the last is the reward target.
  std::vector<Interaction> interactions;
};

struct DatasetOptions {
  // Prefix of the atomic files: "<dir>/<name>" reads <name>.inter and <name>.item.
  std::string path;
  // Users with fewer interactions are dropped. At least 3.
  int min_interactions = 5;
  // Interactions below this rating are dropped, if there is a rating column.
  float min_rating = 0.0F;
  // Shares of validation and test users.
  double validation_share = 0.2;
  double test_share = 0.2;
  uint64_t seed = 1;
};

struct Dataset {
  // kNotFound, or kInvalidArgument with the file and line: "ml-100k.inter:17: ...".
  static absl::StatusOr<Dataset> Load(const DatasetOptions& options);

  std::string name;
  // id, title, genres; weight and time unset.
  std::vector<policy::Item> items;
  std::vector<User> users;
  // Indices into users, ascending.
  std::vector<int> UsersOf(UserSplit split) const;
  // Interactions that collaborative models may learn from: train users' only,
  // without their targets. counts[item].
  std::vector<int> TrainCounts() const;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_DATASET_H_
