// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/rpp_published.h"

#include <torch/torch.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "trainer/actor_network_torch.h"
#include "trainer/adam.h"
#include "trainer/learner_health.h"
#include "trainer/losses_torch.h"
#include "trainer/value_critic_torch.h"

namespace attune::trainer {
namespace {

using torch::Tensor;

constexpr uint64_t kCriticStream = 0x727070;
constexpr double kNoClipping = std::numeric_limits<double>::infinity();

class RppPublishedLearner final : public Learner {
 public:
  RppPublishedLearner(NetworkSpec spec, RppPublishedOptions options)
      : options_(options),
        network_(std::move(spec)),
        critics_(
            MakeCritics(network_.spec(), options.critic_hidden, kCriticStream)),
        actor_adam_(
            {{Concatenate(network_.impl().Matrices(), network_.impl().Biases()),
              options.actor_learning_rate}}),
        critic_adam_({{ParametersOf(critics_), options.critic_learning_rate}}) {
    waiting_ = ToBatch({}, network_.spec().state_dim, Patterns());
  }

  LearnerMetrics Update(absl::Span<const Sample> samples) override;
  bool SharedPermutation() const override { return true; }
  std::vector<policy::NamedTensor> ExportTensors() const override {
    return network_.Export();
  }
  absl::Status Health() const override {
    // Collapse is among what it is there to show.
    return CheckPolicy(loss_, /*entropy_share=*/1.0, /*floor=*/0.0);
  }
  std::string SaveState() const override;
  absl::Status LoadState(const std::string& state) override;
  std::string name() const override { return "rpp_published"; }

 private:
  int Patterns() const {
    return static_cast<int>(network_.spec().patterns.size());
  }
  TensorMap State() const;
  LearnerMetrics Step();

  RppPublishedOptions options_;
  ActorNetwork network_;
  std::vector<ValueCritic> critics_;
  Adam actor_adam_;
  Adam critic_adam_;
  SampleBatch waiting_;  // for the next step
  double loss_ = 0.0;    // of the last step
};

TensorMap WaitingTensors(const SampleBatch& batch) {
  return {{"waiting.states", batch.states},
          {"waiting.next_states", batch.next_states},
          {"waiting.options", batch.options},
          {"waiting.rewards", batch.rewards}};
}

LearnerMetrics RppPublishedLearner::Update(absl::Span<const Sample> samples) {
  const SampleBatch batch =
      ToBatch(samples, network_.spec().state_dim, Patterns());
  waiting_.states = torch::cat({waiting_.states, batch.states});
  waiting_.next_states = torch::cat({waiting_.next_states, batch.next_states});
  waiting_.options = torch::cat({waiting_.options, batch.options});
  waiting_.rewards = torch::cat({waiting_.rewards, batch.rewards});
  if (waiting_.rewards.size(0) < options_.batch) return {};
  return Step();
}

LearnerMetrics RppPublishedLearner::Step() {
  const ActorNetwork::Impl& net = network_.impl();
  const Tensor reward = waiting_.rewards.mean();
  Tensor actor_loss = torch::zeros({});
  Tensor critic_loss = torch::zeros({});
  LearnerMetrics metrics;
  for (int k = 0; k < Patterns(); ++k) {
    const Tensor value = critics_[k].Value(waiting_.states);
    const Tensor next_value = critics_[k].Value(waiting_.next_states);
    const Tensor delta =
        PublishedTdError(reward, value, next_value, options_.gamma);
    const Tensor p = net.Probabilities(k, waiting_.states, waiting_.options);
    const Tensor chosen =
        p.gather(1, waiting_.options.select(1, k).unsqueeze(1)).squeeze(1);
    actor_loss = actor_loss + PolicyGradientLoss(chosen, delta);
    critic_loss =
        critic_loss + PublishedCriticLoss(value, next_value, options_.gamma);
    metrics.emplace_back(absl::StrCat("entropy.", network_.spec().patterns[k]),
                         MeanEntropy(p).item<double>());
  }
  actor_adam_.ZeroGradients();
  actor_loss.backward();
  actor_adam_.Step(kNoClipping);
  critic_adam_.ZeroGradients();
  critic_loss.backward();
  critic_adam_.Step(kNoClipping);
  loss_ = actor_loss.item<double>() + critic_loss.item<double>();
  metrics.emplace_back("policy_loss", actor_loss.item<double>());
  metrics.emplace_back("critic_loss", critic_loss.item<double>());
  waiting_ = ToBatch({}, network_.spec().state_dim, Patterns());
  return metrics;
}

TensorMap RppPublishedLearner::State() const {
  TensorMap state = network_.impl().Named();
  for (auto& entry : NamedCritics(critics_)) state.push_back(std::move(entry));
  for (auto& entry : actor_adam_.Named("actor_adam.")) {
    state.push_back(std::move(entry));
  }
  for (auto& entry : critic_adam_.Named("critic_adam.")) {
    state.push_back(std::move(entry));
  }
  return state;
}

std::string RppPublishedLearner::SaveState() const {
  TensorMap state = State();
  const int64_t size = waiting_.rewards.size(0);
  state.emplace_back("size", torch::tensor({size}, torch::kLong));
  if (size == 0) return SaveTensors(state);
  for (auto& entry : WaitingTensors(waiting_)) {
    state.push_back(std::move(entry));
  }
  return SaveTensors(state);
}

absl::Status RppPublishedLearner::LoadState(const std::string& state) {
  const Tensor size = torch::zeros({1}, torch::kLong);
  TensorMap fixed = State();
  fixed.emplace_back("size", size);
  ATTUNE_RETURN_IF_ERROR(LoadTensors(state, fixed));
  const std::vector<Sample> blank(
      size.item<int64_t>(),
      {.state = Eigen::VectorXf::Zero(network_.spec().state_dim),
       .options = std::vector<int>(Patterns()),
       .probabilities = std::vector<float>(Patterns())});
  waiting_ = ToBatch(blank, network_.spec().state_dim, Patterns());
  if (blank.empty()) return absl::OkStatus();
  return LoadTensors(state, WaitingTensors(waiting_));
}

}  // namespace

std::unique_ptr<Learner> MakeRppPublishedLearner(NetworkSpec spec,
                                                 RppPublishedOptions options) {
  return std::make_unique<RppPublishedLearner>(std::move(spec), options);
}

}  // namespace attune::trainer
