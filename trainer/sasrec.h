// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SASREC_H_
#define ATTUNE_TRAINER_SASREC_H_

// SASRec: a causal self-attention network over the history that foretells the
// next item; the sequential baseline that prompts are compared with.
//
// Source: Kang & McAuley 2018 (arXiv 1808.09781).
//   x_t = M[item_t] + P[t];  each block: x += Attention(LN(x), x, x) (2)-(3),
//   x += W2 ReLU(W1 LN(x)) (6);  r_i = <LN(x_n), M[i]> (8)
//   loss: -log sigmoid(r_next) - log(1 - sigmoid(r_negative)) (9)
//
// Where we differ from the paper:
// * Negatives are drawn by popularity to a power, not uniformly: uniform ones
//   teach the network popularity, which popularity-sampled candidates cancel.
// * A long history is cut into windows, so that no interaction is left out;
//   short histories are padded behind, not in front.
// * Queries and the feed-forward layers read LN(x), and what they give is added
//   to x itself.
//
// It learns from Dataset::TrainHistories() only, and encodes whatever history a
// request has: test users are new to it.

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "trainer/baselines.h"
#include "trainer/dataset.h"

namespace attune::trainer {

struct SasRecOptions {
  int dim = 64;
  int blocks = 2;
  // History items read, the most recent ones; also the windows' length.
  int max_length = 50;
  int epochs = 40;
  // Windows a step.
  int batch_size = 64;
  float learning_rate = 3e-3F;
  float dropout = 0.3F;
  // Negatives by popularity to this power: 0 uniform (the paper), 1 popularity.
  float negative_power = 1.0F;
  uint64_t seed = 1;
};

// "sasrec": thread-compatible. Items that it never saw score below all others.
// Trains on one thread: the same data, options and library give the same bits.
// kInvalidArgument if an option is out of range, kFailedPrecondition if no
// train user has two interactions to learn from, kInternal if the loss is not
// finite or libtorch fails.
absl::StatusOr<std::unique_ptr<Scorer>> TrainSasRec(
    const Dataset& dataset, const SasRecOptions& options);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SASREC_H_
