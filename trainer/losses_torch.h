// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_LOSSES_TORCH_H_
#define ATTUNE_TRAINER_LOSSES_TORCH_H_

// The learners' losses. Pure functions of tensors; B is the batch, n the number
// of options of one pattern. Everything is to be minimised.

#include <torch/torch.h>

namespace attune::trainer {

// -mean(log p A). `chosen` [B]: probability of the chosen option; `advantage`
// [B]: a constant. Williams 1992.
torch::Tensor PolicyGradientLoss(const torch::Tensor& chosen,
                                 const torch::Tensor& advantage);

// r + gamma V(s') (1 - done) - V(s). All [B]; V(s') is a constant.
torch::Tensor TdError(const torch::Tensor& rewards, const torch::Tensor& values,
                      const torch::Tensor& next_values,
                      const torch::Tensor& done, double gamma);

// -mean(min(ratio A, clip(ratio, 1 - c, 1 + c) A)). `ratio` [B] = p / p_old,
// `advantage` [B] or what spreads to it: a constant. Schulman et al. 2017, equation 7.
torch::Tensor ClippedSurrogateLoss(const torch::Tensor& ratio,
                                   const torch::Tensor& advantage, double clip);

// gamma V(s) + r - V(s'): V(s) and V(s') in each other's place, as in the
// published code of RPP. `reward` []: the batch's mean. Constant. [B]
torch::Tensor PublishedTdError(const torch::Tensor& reward,
                               const torch::Tensor& values,
                               const torch::Tensor& next_values, double gamma);

// mean((gamma V(s) - V(s'))^2), V(s') constant: no reward in it.
torch::Tensor PublishedCriticLoss(const torch::Tensor& values,
                                  const torch::Tensor& next_values,
                                  double gamma);

// mean(-sum_a q(a) log softmax(logits)(a)) with q = softmax(A / temperature),
// the policy that maximises E[A] + temperature * entropy. Unlike that
// maximum's own gradient it does not fade when the softmax saturates. Of q the
// share `fixed_share` is option `fixed`, whatever its advantage.
// `logits` [B, n]; `advantages` [B, n]: constants, up to a term per row.
// Abdolmaleki et al. 2018.
torch::Tensor ImprovementLoss(const torch::Tensor& logits,
                              const torch::Tensor& advantages,
                              double temperature, double fixed_share = 0.0,
                              int fixed = 0);

// mean(-sum_a p(a) log p(a)). `probabilities` [B, n], each above 0.
torch::Tensor MeanEntropy(const torch::Tensor& probabilities);

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_LOSSES_TORCH_H_
