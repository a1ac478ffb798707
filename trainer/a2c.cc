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
#include "trainer/losses_torch.h"

namespace attune::trainer {
namespace {

using torch::Tensor;

// V(s) = w2 relu(w1 s + c1) + c2.
struct Critic {
  Tensor w1, c1, w2, c2;

  Critic(int in, int hidden, policy::Rng& rng)
      : w1(Uniform({hidden, in}, rng)),
        c1(torch::zeros({hidden})),
        w2(Uniform({1, hidden}, rng)),
        c2(torch::full({1}, 0.5F)) {
    for (Tensor& p : Parameters()) p.set_requires_grad(true);
  }

  // `x` [B, in] standardised states; [B].
  Tensor Value(const Tensor& x) const {
    const Tensor hidden = torch::addmm(c1, x, w1.t()).relu();
    return torch::addmm(c2, hidden, w2.t()).squeeze(1);
  }

  std::vector<Tensor> Parameters() const { return {w1, c1, w2, c2}; }

  // Within 1 / sqrt(fan in).
  static Tensor Uniform(std::vector<int64_t> shape, policy::Rng& rng) {
    Tensor values = torch::empty(shape);
    const float bound = 1.0F / std::sqrt(static_cast<float>(shape[1]));
    float* out = values.data_ptr<float>();
    for (int64_t i = 0; i < values.numel(); ++i) {
      out[i] = bound * (2.0F * rng.UnitFloat() - 1.0F);
    }
    return values;
  }
};

std::vector<Critic> MakeCritics(const NetworkSpec& spec, int hidden) {
  policy::Rng rng(spec.seed, 0x613263);
  std::vector<Critic> critics;
  for (size_t k = 0; k < spec.patterns.size(); ++k) {
    critics.emplace_back(spec.state_dim, hidden, rng);
  }
  return critics;
}

std::vector<Tensor> Concatenate(std::vector<Tensor> a,
                                const std::vector<Tensor>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<Tensor> ParametersOf(const std::vector<Critic>& critics) {
  std::vector<Tensor> all;
  for (const Critic& critic : critics) {
    all = Concatenate(std::move(all), critic.Parameters());
  }
  return all;
}

class A2cLearner final : public Learner {
 public:
  A2cLearner(NetworkSpec spec, A2cOptions options)
      : options_(options),
        network_(std::move(spec)),
        critics_(MakeCritics(network_.spec(), options.critic_hidden)),
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
  std::string name() const override { return "a2c"; }

 private:
  TensorMap State() const;

  A2cOptions options_;
  ActorNetwork network_;
  std::vector<Critic> critics_;
  Adam actor_adam_;
  Adam critic_adam_;
  Tensor updates_;
};

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
    const Tensor p = net.Probabilities(k, x, batch.options);
    const Tensor chosen =
        p.gather(1, batch.options.select(1, k).unsqueeze(1)).squeeze(1);
    actor_loss = actor_loss + PolicyGradientLoss(chosen, delta);
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
  metrics.emplace_back("policy_loss", actor_loss.item<double>());
  metrics.emplace_back("critic_loss", critic_loss.item<double>());
  return metrics;
}

TensorMap A2cLearner::State() const {
  TensorMap state = network_.impl().Named();
  for (size_t k = 0; k < critics_.size(); ++k) {
    const std::vector<Tensor> parameters = critics_[k].Parameters();
    for (size_t i = 0; i < parameters.size(); ++i) {
      state.emplace_back(absl::StrCat("critic.", k, ".", i), parameters[i]);
    }
  }
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
