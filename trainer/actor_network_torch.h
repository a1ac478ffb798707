// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ACTOR_NETWORK_TORCH_H_
#define ATTUNE_TRAINER_ACTOR_NETWORK_TORCH_H_

// The side of actor_network.h that speaks libtorch. Include it from .cc files
// of the target attune_trainer_torch only.

#include <torch/torch.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "trainer/actor_network.h"
#include "trainer/learner.h"

namespace attune::trainer {

// Weights of one agent; see policy/actor.h for the names and shapes.
struct HeadTensors {
  torch::Tensor w1, c1, w2, c2, bias;
};

struct ActorNetwork::Impl {
  NetworkSpec spec;
  torch::Tensor mean, scale;        // [state_dim] standardisation
  torch::Tensor option_embeddings;  // [options, e] fixed
  torch::Tensor option_projection;  // [m, e]
  std::vector<HeadTensors> heads;   // one per pattern
  torch::nn::GRU gru{nullptr};      // fixed random weights
  std::vector<int64_t> option_offsets;

  // (states - mean) / scale. [B, state_dim]
  torch::Tensor Standardised(const torch::Tensor& states) const;
  // Logits of pattern k. `x` [B, state_dim] is standardised; `options` [B, K]
  // int64, of which the columns before k are read if the heads are
  // autoregressive. [B, n_k]
  torch::Tensor Logits(int k, const torch::Tensor& x,
                       const torch::Tensor& options) const;
  // [B, n_k] with the exploration floor.
  torch::Tensor Probabilities(int k, const torch::Tensor& x,
                              const torch::Tensor& options) const;
  // [options, m] g(e) / sqrt(m) of every option of every pattern.
  torch::Tensor OptionKeys() const;
  // The two steps of Logits(), for who takes several at once. f_k(x) without
  // its constant c2, the part of a score that depends on the state [B, m];
  // `earlier` [B, e]: the sum of the earlier options' embeddings, not read if
  // the heads are independent. Then the logits; `keys`: OptionKeys().
  torch::Tensor PersonalGiven(int k, const torch::Tensor& x,
                              const torch::Tensor& earlier) const;
  torch::Tensor LogitsOf(int k, const torch::Tensor& personal,
                         const torch::Tensor& keys) const;
  // What is trained: matrices, and apart from them the biases, which hold the
  // effects that all users share.
  std::vector<torch::Tensor> Matrices() const;
  std::vector<torch::Tensor> Biases() const;
  // Everything, trained or not, in a fixed order.
  std::vector<std::pair<std::string, torch::Tensor>> Named() const;
};

// p = (1 - floor) softmax(logits) + floor / n. [B, n]
torch::Tensor WithFloor(const torch::Tensor& logits, double floor);

// Samples as tensors.
struct SampleBatch {
  torch::Tensor states;         // [B, state_dim] float
  torch::Tensor next_states;    // [B, state_dim], zero rows where done
  torch::Tensor done;           // [B] 1 where the episode ended
  torch::Tensor options;        // [B, K] int64
  torch::Tensor probabilities;  // [B, K]
  torch::Tensor rewards;        // [B]
  torch::Tensor ease;           // [B]
};
SampleBatch ToBatch(absl::Span<const Sample> samples, int state_dim,
                    int patterns);

// Tensors under names, as bytes and back. Loading writes into the tensors;
// kDataLoss if the bytes do not hold exactly these names and shapes.
using TensorMap = std::vector<std::pair<std::string, torch::Tensor>>;
std::string SaveTensors(const TensorMap& tensors);
absl::Status LoadTensors(const std::string& bytes, const TensorMap& tensors);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ACTOR_NETWORK_TORCH_H_
