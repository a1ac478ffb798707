// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ITEM_KNN_H_
#define ATTUNE_TRAINER_ITEM_KNN_H_

// Item-to-item similarity: the cosine of two items' sets of train users, after
// Sarwar et al. 2001, "Item-based collaborative filtering recommendation
// algorithms". Learns from Dataset::TrainHistories() only, so that a cold item
// is like no other.
//
// Thread-compatible: const methods may run concurrently.

#include <vector>

#include "absl/types/span.h"
#include "trainer/dataset.h"

namespace attune::trainer {

class ItemKnn {
 public:
  // In a sum over a history an item weighs recency_decay to the power of its
  // distance from the newest.
  explicit ItemKnn(const Dataset& dataset, float recency_decay = 0.7F);

  // How much a history (indices into Dataset::items, oldest first; -1 for
  // unknown items) speaks for one item: the weighted sum of cosines. 0 for an
  // unknown one.
  float Score(absl::Span<const int> history, int item) const;

  // The same of every item of the data set, in one pass over who else touched
  // the history.
  std::vector<float> ScoreAll(absl::Span<const int> history) const;

 private:
  float Cosine(int a, int b) const;

  std::vector<std::vector<int>> users_of_;  // per item, ascending
  std::vector<std::vector<int>> items_of_;  // per train user
  float recency_decay_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ITEM_KNN_H_
