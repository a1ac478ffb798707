// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/losses_torch.h"

namespace attune::trainer {

using torch::Tensor;

Tensor PolicyGradientLoss(const Tensor& chosen, const Tensor& advantage) {
  return -(chosen.log() * advantage.detach()).mean();
}

Tensor TdError(const Tensor& rewards, const Tensor& values,
               const Tensor& next_values, const Tensor& done, double gamma) {
  return rewards + gamma * next_values.detach() * (1.0 - done) - values;
}

Tensor ClippedSurrogateLoss(const Tensor& ratio, const Tensor& advantage,
                            double clip) {
  const Tensor a = advantage.detach();
  return -torch::min(ratio * a, ratio.clamp(1.0 - clip, 1.0 + clip) * a).mean();
}

Tensor PublishedTdError(const Tensor& reward, const Tensor& values,
                        const Tensor& next_values, double gamma) {
  return (gamma * values + reward - next_values).detach();
}

Tensor PublishedCriticLoss(const Tensor& values, const Tensor& next_values,
                           double gamma) {
  return (gamma * values - next_values.detach()).square().mean();
}

Tensor ImprovementLoss(const Tensor& logits, const Tensor& advantages,
                       double temperature, double fixed_share, int fixed) {
  Tensor target = torch::softmax(advantages.detach() / temperature, 1);
  if (fixed_share > 0.0) {
    target.mul_(1.0 - fixed_share).select(1, fixed).add_(fixed_share);
  }
  return -(target * torch::log_softmax(logits, 1)).sum(1).mean();
}

Tensor MeanEntropy(const Tensor& probabilities) {
  return -(probabilities * probabilities.log()).sum(1).mean();
}

}  // namespace attune::trainer
