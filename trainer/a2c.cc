// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/a2c.h"

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "trainer/actor_network_torch.h"
#include "trainer/adam.h"
#include "trainer/group_baseline.h"
#include "trainer/learner_health.h"
#include "trainer/losses_torch.h"
#include "trainer/value_critic_torch.h"

namespace attune::trainer {
namespace {

using torch::Tensor;

constexpr uint64_t kCriticStream = 0x613263;

class A2cLearner final : public Learner {
 public:
  A2cLearner(NetworkSpec spec, A2cOptions options)
      : options_(options),
        network_(std::move(spec)),
        critics_(
            MakeCritics(network_.spec(), options.critic_hidden, kCriticStream)),
        actor_adam_(
            {{Concatenate(network_.impl().Matrices(), network_.impl().Biases()),
              options.actor_learning_rate}}),
        critic_adam_({{ParametersOf(critics_), options.critic_learning_rate}}),
        updates_(torch::zeros({1}, torch::kLong)) {}

  LearnerMetrics Update(absl::Span<const Sample> samples) override;
  std::vector<policy::NamedTensor> ExportTensors() const override {
    return network_.Export();
  }
  std::string SaveState() const override { return SaveTensors(State()); }
  absl::Status LoadState(const std::string& state) override {
    return LoadTensors(state, State());
  }
  absl::Status Health() const override {
    return CheckPolicy(loss_, entropy_, options_.entropy_floor);
  }
  std::string name() const override { return "a2c"; }
  int ChoicesPerTask() const override { return 2; }

 private:
  TensorMap State() const;

  A2cOptions options_;
  ActorNetwork network_;
  std::vector<ValueCritic> critics_;
  Adam actor_adam_;
  Adam critic_adam_;
  Tensor updates_;
  // Of the last round.
  double loss_ = 0.0;
  double entropy_ = 1.0;
};

Tensor Advantages(const Tensor& delta, absl::Span<const Sample> samples) {
  const Tensor values = delta.detach().contiguous();
  return torch::tensor(LeaveOneOut({values.data_ptr<float>(), samples.size()},
                                   GroupsOf(samples)));
}

LearnerMetrics A2cLearner::Update(absl::Span<const Sample> samples) {
  if (samples.empty()) return {};
  const ActorNetwork::Impl& net = network_.impl();
  const int patterns = static_cast<int>(critics_.size());
  const SampleBatch batch =
      ToBatch(samples, network_.spec().state_dim, patterns);
  if (updates_.item<int64_t>() == 0) {
    network_.Standardise(Eigen::Map<const policy::RowMajorMatrix>(
        batch.states.data_ptr<float>(), batch.states.size(0),
        batch.states.size(1)));
  }
  const Tensor x = net.Standardised(batch.states);
  const Tensor next_x = net.Standardised(batch.next_states);
  Tensor actor_loss = torch::zeros({});
  Tensor critic_loss = torch::zeros({});
  LearnerMetrics metrics;
  for (int k = 0; k < patterns; ++k) {
    const Tensor delta =
        TdError(batch.rewards, critics_[k].Value(x), critics_[k].Value(next_x),
                batch.done, options_.gamma);
    // The critic learns from delta; the actor from what delta is beside the
    // task's other choices.
    const Tensor advantage = Advantages(delta, samples);
    const Tensor p = net.Probabilities(k, x, batch.options);
    const Tensor chosen =
        p.gather(1, batch.options.select(1, k).unsqueeze(1)).squeeze(1);
    actor_loss = actor_loss + PolicyGradientLoss(chosen, advantage);
    critic_loss = critic_loss + delta.square().mean();
    metrics.emplace_back(absl::StrCat("entropy.", network_.spec().patterns[k]),
                         MeanEntropy(p).item<double>());
  }
  actor_adam_.ZeroGradients();
  actor_loss.backward();
  actor_adam_.Step(options_.max_gradient_norm);
  critic_adam_.ZeroGradients();
  critic_loss.backward();
  critic_adam_.Step(options_.max_gradient_norm);
  updates_ += 1;
  loss_ = actor_loss.item<double>() + critic_loss.item<double>();
  entropy_ = EntropyShare(metrics, network_.spec().options_per_pattern);
  metrics.emplace_back("policy_loss", actor_loss.item<double>());
  metrics.emplace_back("critic_loss", critic_loss.item<double>());
  return metrics;
}

TensorMap A2cLearner::State() const {
  TensorMap state = network_.impl().Named();
  for (auto& entry : NamedCritics(critics_)) state.push_back(std::move(entry));
  for (const Adam* adam : {&actor_adam_, &critic_adam_}) {
    for (auto& entry :
         adam->Named(adam == &actor_adam_ ? "actor_adam." : "critic_adam.")) {
      state.push_back(std::move(entry));
    }
  }
  state.emplace_back("updates", updates_);
  return state;
}

}  // namespace

std::unique_ptr<Learner> MakeA2cLearner(NetworkSpec spec, A2cOptions options) {
  return std::make_unique<A2cLearner>(std::move(spec), options);
}

}  // namespace attune::trainer
