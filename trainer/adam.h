// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#ifndef ATTUNE_TRAINER_ADAM_H_
#define ATTUNE_TRAINER_ADAM_H_

// Adam (Kingma & Ba 2015) with groups of learning rates and a state that can be
// saved and restored bit by bit. Includes libtorch: for the .cc files of the
// target attune_trainer_torch.
//
// Not thread-safe; owned by a learner.

#include <torch/torch.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace attune::trainer {

class Adam {
 public:
  struct Group {
    std::vector<torch::Tensor> parameters;
    double learning_rate = 0.0;
  };

  explicit Adam(std::vector<Group> groups) : groups_(std::move(groups)) {
    std::vector<torch::Tensor> zeros;
    for (const Group& group : groups_) {
      for (const torch::Tensor& p : group.parameters) {
        zeros.push_back(torch::zeros_like(p.detach()).reshape({-1}));
      }
    }
    first_ = torch::cat(zeros);
    second_ = first_.clone();
    steps_ = torch::zeros({1}, torch::kLong);
  }

  void ZeroGradients() {
    for (Group& group : groups_) {
      for (torch::Tensor& p : group.parameters) p.mutable_grad().reset();
    }
  }

  // Applies the gradients, scaled down to `max_norm` if all together are
  // longer. A parameter without one has a gradient of 0.
  void Step(double max_norm) {
    torch::NoGradGuard no_grad;
    torch::Tensor g = Gradients();
    const double norm = g.norm().item<double>();
    if (norm > max_norm) g.mul_(max_norm / norm);
    const int64_t t = (steps_[0] += 1).item<int64_t>();
    const double correction1 = 1.0 - std::pow(kBeta1, t);
    const double correction2 = 1.0 - std::pow(kBeta2, t);
    first_.mul_(kBeta1).add_(g, 1.0 - kBeta1);
    second_.mul_(kBeta2).addcmul_(g, g, 1.0 - kBeta2);
    const torch::Tensor step =
        first_ / (second_ / correction2).sqrt_().add_(kEpsilon);
    int64_t at = 0;
    for (Group& group : groups_) {
      for (torch::Tensor& p : group.parameters) {
        p.add_(step.narrow(0, at, p.numel()).view_as(p),
               -group.learning_rate / correction1);
        at += p.numel();
      }
    }
  }

  // "<prefix>m", "<prefix>v", "<prefix>steps".
  std::vector<std::pair<std::string, torch::Tensor>> Named(
      const std::string& prefix) const {
    return {{prefix + "m", first_},
            {prefix + "v", second_},
            {prefix + "steps", steps_}};
  }

 private:
  static constexpr double kBeta1 = 0.9;
  static constexpr double kBeta2 = 0.999;
  static constexpr double kEpsilon = 1e-8;

  // All gradients, one after the other.
  torch::Tensor Gradients() const {
    std::vector<torch::Tensor> all;
    for (const Group& group : groups_) {
      for (const torch::Tensor& p : group.parameters) {
        all.push_back(p.grad().defined() ? p.grad().reshape({-1})
                                         : torch::zeros_like(p).reshape({-1}));
      }
    }
    return torch::cat(all);
  }

  std::vector<Group> groups_;
  // Of all parameters, one after the other: libtorch's time on tensors this
  // small goes by the operation.
  torch::Tensor first_, second_;
  torch::Tensor steps_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ADAM_H_
