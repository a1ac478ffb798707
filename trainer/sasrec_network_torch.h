// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_SASREC_NETWORK_TORCH_H_
#define ATTUNE_TRAINER_SASREC_NETWORK_TORCH_H_

// The network of trainer/sasrec.h, where its equations are. Row 0 of the item
// embeddings is padding, row i + 1 is item i of the data set. Includes libtorch.
//
// Thread-compatible: const methods may run concurrently.

#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <vector>

#include "policy/random.h"
#include "trainer/normal.h"
#include "trainer/sasrec.h"

namespace attune::trainer {

class SasRecNetwork {
 public:
  using Tensor = torch::Tensor;

  SasRecNetwork(int64_t items, const SasRecOptions& options)
      : dropout_(options.dropout), rng_(options.seed, kInitialStream) {
    const int64_t d = options.dim;
    const double scale = 1.0 / std::sqrt(static_cast<double>(d));
    items_ = Random({items + 1, d}, scale);
    positions_ = Random({options.max_length, d}, scale);
    for (int i = 0; i < options.blocks; ++i) {
      Block block;
      block.norm1_weight = Add(torch::ones({d}));
      block.norm1_bias = Add(torch::zeros({d}));
      block.query = Random({d, d}, scale);
      block.key = Random({d, d}, scale);
      block.value = Random({d, d}, scale);
      block.norm2_weight = Add(torch::ones({d}));
      block.norm2_bias = Add(torch::zeros({d}));
      block.weight1 = Random({d, d}, scale);
      block.bias1 = Add(torch::zeros({d}));
      block.weight2 = Random({d, d}, scale);
      block.bias2 = Add(torch::zeros({d}));
      blocks_.push_back(block);
    }
    norm_weight_ = Add(torch::ones({d}));
    norm_bias_ = Add(torch::zeros({d}));
  }

  // `history` [B, n] of rows -> [B, n, d]: what each prefix foretells. Drops
  // out with `generator`'s masks, if there is one.
  Tensor Encode(const Tensor& history, at::Generator* generator) const {
    const int64_t n = history.size(1);
    Tensor x = torch::embedding(items_, history) + positions_.narrow(0, 0, n);
    x = Drop(x, generator);
    const Tensor future =
        torch::ones({n, n}, torch::kBool).triu(/*diagonal=*/1);
    for (const Block& block : blocks_) {
      const Tensor query = Norm(x, block.norm1_weight, block.norm1_bias);
      x = x + Drop(Attend(query, x, block, future), generator);
      const Tensor y = Norm(x, block.norm2_weight, block.norm2_bias);
      const Tensor inner =
          torch::relu(torch::matmul(y, block.weight1) + block.bias1);
      x = x +
          Drop(torch::matmul(inner, block.weight2) + block.bias2, generator);
    }
    return Norm(x, norm_weight_, norm_bias_);
  }

  Tensor Embed(const Tensor& rows) const {
    return torch::embedding(items_, rows);
  }
  const std::vector<Tensor>& parameters() const { return parameters_; }

 private:
  // Stream of the seed; see policy::Rng.
  static constexpr uint64_t kInitialStream = 41;

  struct Block {
    Tensor norm1_weight, norm1_bias, query, key, value;
    Tensor norm2_weight, norm2_bias, weight1, bias1, weight2, bias2;
  };

  Tensor Add(Tensor tensor) {
    parameters_.push_back(tensor.requires_grad_());
    return tensor;
  }
  Tensor Random(at::IntArrayRef shape, double scale) {
    Tensor tensor = torch::empty(shape);
    auto* const values = tensor.data_ptr<float>();
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      values[i] = static_cast<float>(scale * Normal(rng_));
    }
    return Add(tensor);
  }
  static Tensor Norm(const Tensor& x, const Tensor& weight,
                     const Tensor& bias) {
    return torch::layer_norm(x, {x.size(-1)}, weight, bias);
  }
  static Tensor Attend(const Tensor& query, const Tensor& x, const Block& block,
                       const Tensor& future) {
    const Tensor q = torch::matmul(query, block.query);
    const Tensor k = torch::matmul(x, block.key);
    const Tensor scores = torch::matmul(q, k.transpose(1, 2)) /
                          std::sqrt(static_cast<double>(x.size(-1)));
    const Tensor weights = torch::softmax(
        scores.masked_fill(future, -std::numeric_limits<float>::infinity()),
        -1);
    return torch::matmul(weights, torch::matmul(x, block.value));
  }
  Tensor Drop(const Tensor& x, at::Generator* generator) const {
    if (generator == nullptr || dropout_ == 0.0F) return x;
    const Tensor kept =
        torch::empty_like(x.detach()).bernoulli_(1.0 - dropout_, *generator);
    return x * kept / (1.0 - dropout_);
  }

  float dropout_;
  policy::Rng rng_;
  std::vector<Tensor> parameters_;
  Tensor items_, positions_, norm_weight_, norm_bias_;
  std::vector<Block> blocks_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_SASREC_NETWORK_TORCH_H_
