// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_VALUE_CRITIC_TORCH_H_
#define ATTUNE_TRAINER_VALUE_CRITIC_TORCH_H_

// The paper's critics: a two-layer network of the state for each agent. Includes
// libtorch: for the .cc files of the target attune_trainer_torch.
//
// Not thread-safe; owned by a learner.

#include <torch/torch.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "trainer/actor_network.h"

namespace attune::trainer {

// V(s) = w2 relu(w1 s + c1) + c2.
struct ValueCritic {
  torch::Tensor w1, c1, w2, c2;

  ValueCritic(int in, int hidden, policy::Rng& rng)
      : w1(Uniform({hidden, in}, rng)),
        c1(torch::zeros({hidden})),
        w2(Uniform({1, hidden}, rng)),
        c2(torch::full({1}, 0.5F)) {
    for (torch::Tensor& p : Parameters()) p.set_requires_grad(true);
  }

  // `x` [B, in] standardised states; [B].
  torch::Tensor Value(const torch::Tensor& x) const {
    const torch::Tensor hidden = torch::addmm(c1, x, w1.t()).relu();
    return torch::addmm(c2, hidden, w2.t()).squeeze(1);
  }

  std::vector<torch::Tensor> Parameters() const { return {w1, c1, w2, c2}; }

  // Within 1 / sqrt(fan in).
  static torch::Tensor Uniform(std::vector<int64_t> shape, policy::Rng& rng) {
    torch::Tensor values = torch::empty(shape);
    const float bound = 1.0F / std::sqrt(static_cast<float>(shape[1]));
    float* out = values.data_ptr<float>();
    for (int64_t i = 0; i < values.numel(); ++i) {
      out[i] = bound * (2.0F * rng.UnitFloat() - 1.0F);
    }
    return values;
  }
};

// One critic a pattern, with weights of the stream.
inline std::vector<ValueCritic> MakeCritics(const NetworkSpec& spec, int hidden,
                                            uint64_t stream) {
  policy::Rng rng(spec.seed, stream);
  std::vector<ValueCritic> critics;
  for (size_t k = 0; k < spec.patterns.size(); ++k) {
    critics.emplace_back(spec.state_dim, hidden, rng);
  }
  return critics;
}

inline std::vector<torch::Tensor> Concatenate(
    std::vector<torch::Tensor> a, const std::vector<torch::Tensor>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline std::vector<torch::Tensor> ParametersOf(
    const std::vector<ValueCritic>& critics) {
  std::vector<torch::Tensor> all;
  for (const ValueCritic& critic : critics) {
    all = Concatenate(std::move(all), critic.Parameters());
  }
  return all;
}

// "critic.<pattern>.<i>" of every parameter.
inline std::vector<std::pair<std::string, torch::Tensor>> NamedCritics(
    const std::vector<ValueCritic>& critics) {
  std::vector<std::pair<std::string, torch::Tensor>> named;
  for (size_t k = 0; k < critics.size(); ++k) {
    const std::vector<torch::Tensor> parameters = critics[k].Parameters();
    for (size_t i = 0; i < parameters.size(); ++i) {
      named.emplace_back(absl::StrCat("critic.", k, ".", i), parameters[i]);
    }
  }
  return named;
}

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_VALUE_CRITIC_TORCH_H_
