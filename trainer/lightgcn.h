// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LIGHTGCN_H_
#define ATTUNE_TRAINER_LIGHTGCN_H_

// LightGCN: collaborative embeddings from the graph of who touched what.
//
// Source: He et al. 2020 (arXiv 2002.02126). E^(0) is learned by BPR;
//   E^(l+1) = D^-1/2 A D^-1/2 E^(l),   E = mean of E^(0) .. E^(L)
// It learns from Dataset::TrainHistories() and from nothing else, so that no
// split's targets and no cold item can reach an embedding.

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/item_table.h"
#include "trainer/dataset.h"

namespace attune::trainer {

struct LightGcnOptions {
  int dim = 64;
  int layers = 2;
  int epochs = 60;
  int batch_size = 8192;
  float learning_rate = 0.01F;
  // Weight of the mean squared norm of the E^(0) rows in a batch.
  float l2 = 1e-3F;
  uint64_t seed = 1;
};

struct LightGcnProgress {
  int epoch = 0;      // epochs done
  double loss = 0.0;  // mean BPR loss of the epoch
};

struct CollaborativeEmbeddings {
  // [items, dim] E of every item of the data set. Rows of items that no train
  // user touched mean nothing.
  policy::RowMajorMatrix items;
  // [train users, dim], in the order of Dataset::UsersOf(kTrain).
  policy::RowMajorMatrix users;
  double final_loss = 0.0;
};

// Trains on one thread: the same data, options and library give the same bits.
// `progress`, if set, is called after each epoch; training ends with kCancelled
// when it returns false. kInvalidArgument if an option is out of range,
// kFailedPrecondition if there is nothing to learn from, kInternal if libtorch
// fails.
absl::StatusOr<CollaborativeEmbeddings> TrainLightGcn(
    const Dataset& dataset, const LightGcnOptions& options,
    const std::function<bool(const LightGcnProgress&)>& progress = nullptr);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LIGHTGCN_H_
