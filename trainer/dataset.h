// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_DATASET_H_
#define ATTUNE_TRAINER_DATASET_H_

// Interactions in RecBole's atomic-file form, split leave-one-out by time into
// disjoint train, validation and test users.
//
// <path>.inter needs user_id, item_id and timestamp; rating is optional and
// becomes the weight. Rows may stand in any order: each user's are sorted here.
// Of a repeated (user, item) pair the last stays. <path>.item needs item_id and
// a title (movie_title, title, name, or the first token_seq column);
// release_year and genres (class, genre, genres or tags) are optional. An empty
// title is replaced by the id, one that is too long or no valid UTF-8 is
// sanitized; genres beyond the limits of policy/item.h are left out.
//
// Lists without true times (play counts, for instance) load, but "the last
// item" then means whatever the column called timestamp orders by.
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
  // that the LLM shall rank first. For train users the last is the reward
  // target.
  std::vector<Interaction> interactions;
  // Every item that the user ever touched, also below min_rating; ascending.
  std::vector<int> touched;
};

struct DatasetOptions {
  // Prefix of the atomic files: "<dir>/<name>" reads <name>.inter and
  // <name>.item.
  std::string path;
  // Users with fewer interactions are dropped. At least 3.
  int min_interactions = 5;
  // Interactions below this rating are dropped, if there is a rating column.
  float min_rating = 0.0F;
  // Whether titles end with the release year, if there is one: "Toy Story
  // (1995)".
  bool year_in_title = true;
  // Shares of validation and test users.
  double validation_share = 0.2;
  double test_share = 0.2;
  uint64_t seed = 1;
};

struct Dataset {
  // kNotFound if a file is not there; kInvalidArgument with the file and line
  // ("ml-100k.inter:17: ...") for a missing column, a row with too few or too
  // many fields, a number that is none, negative or not finite, a repeated
  // item, an interaction with an item that <path>.item lacks;
  // kFailedPrecondition if fewer than three users remain.
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
