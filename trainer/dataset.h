// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_DATASET_H_
#define ATTUNE_TRAINER_DATASET_H_

// Interactions in RecBole's atomic-file form: every user's last ones (or, where
// the data has no time, random ones) held out as targets, users split into
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
// Some lists have no time: Last.fm's timestamp is a play count, and
// HoldOut::kRandom is for them. The count orders the history, so that the "most
// recent" item is the most played one; it is the weight if there is no rating,
// and never sent as a time.
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
  // What came before the first held-out interaction, by time, ties by file
  // order. At least kMinHistory.
  std::vector<Interaction> history;
  // Held out, in the same order: the items that the LLM shall rank first, one a
  // task. DatasetOptions::targets of them; train users' are the reward targets.
  std::vector<Interaction> targets;
  // Every item that the user ever touched, also below min_rating; ascending.
  std::vector<int> touched;
};

enum class HoldOut { kLast, kRandom };

struct DatasetOptions {
  // Prefix of the atomic files: "<dir>/<name>" reads <name>.inter and
  // <name>.item.
  std::string path;
  // Users with fewer interactions, or fewer than targets + kMinHistory, are
  // dropped and counted. At least 3.
  int min_interactions = 5;
  // Held-out interactions a user. In [1, 100].
  int targets = 1;
  HoldOut holdout = HoldOut::kLast;
  // Share of the train interactions whose items no collaborative model learns
  // from, so that they are cold; drawn among the items of at least
  // cold_item_min_count train interactions. In [0, 0.5]. About this share of
  // the targets is cold too.
  double cold_item_share = 0.0;
  int cold_item_min_count = 5;
  // Interactions below this rating are dropped, if there is a rating column.
  float min_rating = 0.0F;
  // Whether titles end with the release year, if there is one: "Toy Story
  // (1995)".
  bool year_in_title = true;
  // Shares of validation and test users. Each at least one user.
  double validation_share = 0.2;
  double test_share = 0.2;
  uint64_t seed = 1;
};

struct Dataset {
  static constexpr int kMinHistory = 2;

  // kNotFound if a file is not there; kInvalidArgument with the file and line
  // ("ml-100k.inter:17: ...") for a missing column, a row with too few or too
  // many fields, a number that is none, negative or not finite, a repeated
  // item, an interaction with an item that <path>.item lacks;
  // kFailedPrecondition if a split is left without users or too few items are
  // popular enough to be made cold.
  static absl::StatusOr<Dataset> Load(const DatasetOptions& options);

  std::string name;
  // id, title, genres; weight and time unset.
  std::vector<policy::Item> items;
  std::vector<User> users;
  // Whether `seconds` are times, not play counts.
  bool has_time = true;
  // Items withheld from collaborative training; empty or one entry an item.
  std::vector<bool> cold;
  // Users left out because they had too few interactions.
  int dropped_users = 0;

  bool IsCold(int item) const { return !cold.empty() && cold[item]; }
  // Indices into users, ascending.
  std::vector<int> UsersOf(UserSplit split) const;
  // All that collaborative models may learn from: train users' histories (never
  // a target) without cold items. In the order of UsersOf(kTrain); an entry may
  // be empty.
  std::vector<std::vector<Interaction>> TrainHistories() const;
  // Interactions in TrainHistories(), counts[item]; 0 for cold items.
  std::vector<int> TrainCounts() const;
  // The same with cold items: how popular they are, which the world knows and
  // collaborative models do not. For drawing negatives.
  std::vector<int> PopularityCounts() const;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_DATASET_H_
