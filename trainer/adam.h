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
    for (const Group& group : groups_) {
      for (const torch::Tensor& p : group.parameters) {
        first_.push_back(torch::zeros_like(p.detach()));
        second_.push_back(torch::zeros_like(p.detach()));
      }
    }
    steps_ = torch::zeros({1}, torch::kLong);
  }

  void ZeroGradients() {
    for (Group& group : groups_) {
      for (torch::Tensor& p : group.parameters) p.mutable_grad().reset();
    }
  }

  // Applies the gradients, scaled down to `max_norm` if all together are
  // longer.
  void Step(double max_norm) {
    torch::NoGradGuard no_grad;
    const double scale = ClipScale(max_norm);
    const int64_t t = (steps_[0] += 1).item<int64_t>();
    const double correction1 = 1.0 - std::pow(kBeta1, t);
    const double correction2 = 1.0 - std::pow(kBeta2, t);
    size_t i = 0;
    for (Group& group : groups_) {
      for (torch::Tensor& p : group.parameters) {
        torch::Tensor& m = first_[i];
        torch::Tensor& v = second_[i++];
        if (!p.grad().defined()) continue;
        const torch::Tensor g = p.grad() * scale;
        m.mul_(kBeta1).add_(g, 1.0 - kBeta1);
        v.mul_(kBeta2).addcmul_(g, g, 1.0 - kBeta2);
        p.addcdiv_(m, (v / correction2).sqrt_().add_(kEpsilon),
                   -group.learning_rate / correction1);
      }
    }
  }

  // "<prefix>0.m", "<prefix>0.v", ..., "<prefix>steps".
  std::vector<std::pair<std::string, torch::Tensor>> Named(
      const std::string& prefix) const {
    std::vector<std::pair<std::string, torch::Tensor>> named;
    for (size_t i = 0; i < first_.size(); ++i) {
      const std::string name = prefix + std::to_string(i);
      named.emplace_back(name + ".m", first_[i]);
      named.emplace_back(name + ".v", second_[i]);
    }
    named.emplace_back(prefix + "steps", steps_);
    return named;
  }

 private:
  static constexpr double kBeta1 = 0.9;
  static constexpr double kBeta2 = 0.999;
  static constexpr double kEpsilon = 1e-8;

  double ClipScale(double max_norm) const {
    double squared = 0.0;
    for (const Group& group : groups_) {
      for (const torch::Tensor& p : group.parameters) {
        if (!p.grad().defined()) continue;
        squared += p.grad().square().sum().item<double>();
      }
    }
    const double norm = std::sqrt(squared);
    return norm > max_norm ? max_norm / norm : 1.0;
  }

  std::vector<Group> groups_;
  std::vector<torch::Tensor> first_, second_;
  torch::Tensor steps_;
};

}  // namespace attune::trainer

#endif  // ATTUNE_TRAINER_ADAM_H_
