// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ITEM_FEATURES_H_
#define ATTUNE_TRAINER_ITEM_FEATURES_H_

// What a revision knows of items: the item table, and the map from title
// n-grams to embeddings for items that the table lacks.
//
// Items that no train user touched are left out of the table: a request that
// names one is served by its title. Embeddings are L2-normalised, so that the
// encoder's dot products are cosines but for the user's norm.

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/item_table.h"
#include "policy/revision.h"
#include "policy/user_state.h"
#include "trainer/dataset.h"

namespace attune::trainer {

// The encoder's recency decay that suits these embeddings. On MovieLens-100K's
// validation users, popularity-sampled negatives, NDCG@10 is 0.70 for 0.5 and
// 0.6, 0.66 for 0.9, 0.60 for 1.
inline constexpr float kRecencyDecay = 0.6F;

struct ItemFeatureOptions {
  // A power of two, at most 65,536; 0 for no fallback.
  int ngram_buckets = 4096;
  // Ridge penalty. > 0.
  float ridge = 3.0F;
  // Share of the items on which the fallback is measured before it is fitted
  // again to all of them. In [0, 1).
  double held_out_share = 0.1;
  uint64_t seed = 1;
};

// How well titles foretell embeddings, on items that the fit did not see.
struct NgramQuality {
  int held_out_items = 0;
  // Mean cosine of predicted and true embedding.
  double cosine = 0.0;
  // The same for the mean embedding as every item's prediction.
  double mean_cosine = 0.0;
};

struct ItemFeatures {
  // "item_embeddings", "item_popularity" and, if asked for, "ngram_weights".
  std::vector<policy::NamedTensor> tensors;
  // "item_ids", "item_titles", "item_genres".
  std::vector<policy::NamedStrings> strings;
  NgramQuality ngrams;
};

// `embeddings` [items, d] as TrainLightGcn returns them. kInvalidArgument if an
// option is out of range or the sizes differ, kFailedPrecondition if no item
// was touched in training.
absl::StatusOr<ItemFeatures> BuildItemFeatures(
    const Dataset& dataset, const policy::RowMajorMatrix& embeddings,
    const ItemFeatureOptions& options);

// Share of `counts` below each count, equal ones counted half. In [0, 1].
std::vector<float> Quantiles(const std::vector<int>& counts);

// Ridge regression: returns W [buckets, d] that minimises
//   sum_i |x_i W - y_i|^2 + ridge |W|^2
// where y_i is row i of `targets` [N, d] and x_i has 1 / sqrt(n) for each of
// the item's n buckets, as UserStateEncoder::Embed weighs them. Conjugate
// gradients on the normal equations; deterministic.
policy::RowMajorMatrix FitNgrams(
    const std::vector<std::vector<int>>& buckets_of,
    const policy::RowMajorMatrix& targets, int buckets, float ridge);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ITEM_FEATURES_H_
