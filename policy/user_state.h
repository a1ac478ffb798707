// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_POLICY_USER_STATE_H_
#define ATTUNE_POLICY_USER_STATE_H_

// Encodes a request into the fixed-length vector that the agents see, and the
// collaborative scores that hints speak of. Trainer and server call this one
// encoder, so there is no skew.
//
// Thread-compatible: const methods may run concurrently.

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "policy/gru.h"
#include "policy/item.h"
#include "policy/item_table.h"
#include "policy/text_features.h"

namespace attune::policy {

// Lengths of parts of the state, after the user's embedding; see
// UserStateEncoder::StateDim().
inline constexpr int kHistoryFeatures = 7;
inline constexpr int kCandidateFeatures = 8;
// The last of the candidates': how far their collaborative scores can be
// trusted (margin, spread, share of unknown items).
inline constexpr int kTrustFeatures = 3;

// What the previous iteration of an episode left behind.
struct PreviousIteration {
  // Options chosen then, one per pattern.
  std::vector<int> options;
  // History length shown then.
  int history_length = 0;
  // Candidates (indices into this request's list), best first.
  std::vector<int> ranking;
};

struct EncoderSettings {
  int embedding_dim = 64;
  float recency_decay = 0.9F;
  int max_history = 50;
  int ngram_buckets = 0;
  int gru_hidden = 64;
  int option_embedding_dim = 64;
};

// The state, and what was computed on the way and is needed again.
struct UserState {
  // [StateDim()] Input of the heads. Finite.
  Eigen::VectorXf features;
  // [d] Folded-in user embedding, not normalised.
  Eigen::VectorXf user_embedding;
  // [C] Collaborative score of each candidate (caller's order): dot product of
  // the user embedding with the item's. Candidates without any embedding get
  // the mean of the others.
  Eigen::VectorXf candidate_scores;
  // [H] Mean similarity of each history item to the candidates that have an
  // embedding, for kNearest; 0 for an item without one.
  Eigen::VectorXf history_nearness;
};

class UserStateEncoder {
 public:
  // `ngram_weights` [ngram_buckets, d] maps hashed title n-grams to an
  // embedding (ridge regression fitted at export); empty if there is no
  // fallback. `option_embeddings` [total options, option_embedding_dim], rows
  // in catalog order. All views must outlive the encoder.
  UserStateEncoder(EncoderSettings settings, ItemTable items,
                   MatrixView ngram_weights, MatrixView option_embeddings,
                   Gru gru);

  // Length of UserState::features.
  //   d                     folded-in user embedding, L2-normalised
  //   kHistoryFeatures      history: log length, three popularity quantiles
  //                         (.25/.5/.75), mean pairwise similarity,
  //                         log mean gap, log last gap
  //   kCandidateFeatures    candidates: mean and max similarity to the user,
  //                         popularity quantiles .25/.5/.75, margin of the best
  //                         over the second score, spread (standard deviation)
  //                         of the scores, share of unknown items
  //   option_embedding_dim  the previous choice's option embeddings, summed;
  //                         0 without a previous iteration
  //   gru_hidden            GRU over the previous ranking, or 0
  //   1                     1 if there was a previous iteration, else 0
  //
  // Similarity is the cosine; log is log(1 + x); gaps are in days between items
  // that follow each other and both have a time, negative ones count as 0. An
  // item is unknown if the table lacks it. What cannot be computed (no item
  // known, one item, no times, no previous iteration) is 0. Every entry is
  // finite and within
  // +-1e4.
  int StateDim() const;

  // Folds in the newest max_history items that have an embedding; the i-th
  // newest of these weighs recency_decay^i. `option_offsets[k]` is the first
  // row of pattern k in the option embeddings. REQUIRES: `previous` fits the
  // request.
  UserState Encode(absl::Span<const Item> history,
                   absl::Span<const Item> candidates,
                   absl::Span<const int> option_offsets,
                   const std::optional<PreviousIteration>& previous) const;

  // Embedding of an item [d]: its row, else from its title's n-grams (the sum
  // of their rows in `ngram_weights`, with repetition, divided by the square
  // root of their number), else zero.
  Eigen::VectorXf Embed(const Item& item) const;

  const ItemTable& items() const { return items_; }
  const EncoderSettings& settings() const { return settings_; }

 private:
  // Fills the last three parts of the features, from `offset` on.
  void EncodePrevious(const PreviousIteration& previous,
                      absl::Span<const Item> candidates,
                      absl::Span<const int> option_offsets, int offset,
                      Eigen::VectorXf& features) const;

  EncoderSettings settings_;
  ItemTable items_;
  MatrixView ngram_weights_{nullptr, 0, 0};
  MatrixView option_embeddings_{nullptr, 0, 0};
  Gru gru_;
};

}  // namespace attune::policy

#endif  // ATTUNE_POLICY_USER_STATE_H_
