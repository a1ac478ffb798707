// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/ppo.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "policy/status_macros.h"
#include "trainer/actor_network_torch.h"
#include "trainer/adam.h"
#include "trainer/group_baseline.h"
#include "trainer/learner_health.h"
#include "trainer/losses_torch.h"

namespace attune::trainer {
namespace {

using torch::Tensor;

constexpr uint64_t kMinibatchStream = 0x70706f00;

class PpoLearner final : public Learner {
 public:
  PpoLearner(NetworkSpec spec, PpoOptions options)
      : options_(options),
        network_(std::move(spec)),
        belief_(network_.spec().options_per_pattern, network_.spec().state_dim,
                network_.spec().item_dim, options.belief),
        adam_({{network_.impl().Matrices(), options.learning_rate},
               {network_.impl().Biases(), options.bias_learning_rate}}) {}

  LearnerMetrics Update(absl::Span<const Sample> samples) override;
  int ChoicesPerTask() const override { return 2; }
  std::vector<policy::NamedTensor> ExportTensors() const override {
    return network_.Export();
  }
  std::optional<Gain> EstimateGain(
      absl::Span<const Eigen::VectorXf> states) const override {
    return belief_.EstimateGain(states);
  }
  absl::Status Health() const override;
  std::string SaveState() const override;
  absl::Status LoadState(const std::string& state) override;
  std::string name() const override { return "ppo"; }

 private:
  // The critic's mean as tensors: Q up to a term of the state alone is
  // scores.at(a_1) + ... + pairs.
  struct Critic {
    Tensor weights;          // [state_dim, options]
    Tensor bias;             // [options]
    Tensor pair;             // [options, options]
    std::vector<int> fixed;  // options of the best fixed prompt
  };
  int Patterns() const {
    return static_cast<int>(network_.spec().patterns.size());
  }
  int64_t Size() const { return window_.rewards.size(0); }
  void Remember(absl::Span<const Sample> samples);
  Critic MakeCritic() const;
  TensorMap State() const;
  // Rows of the window that one step learns from.
  Tensor Minibatch(policy::Rng& rng) const;
  // The agents' turns on states, one after the other: what the policy would
  // choose now, and what it would do in the place of what was chosen.
  struct Turns {
    Tensor choices;                // [B, K] drawn from the policy
    std::vector<Tensor> personal;  // [B, m] each, see ActorNetwork::Impl
    std::vector<Tensor> logits;    // [B, n_k] each, after earlier `choices`
    std::vector<Tensor> at_taken;  // [B, n_k] each, after the earlier taken
  };
  Turns TakeTurns(const Tensor& x, const Tensor& taken, policy::Rng& rng) const;
  // Advantages of every option of every pattern in units of the rewards'
  // deviation, up to a term a pattern, the other patterns' being `choices`
  // [B, K]. `states` [B, state_dim]. [B, options]
  Tensor Counterfactuals(const Critic& critic, const Tensor& states,
                         const Tensor& choices) const;
  Tensor Loss(const Tensor& rows, const Critic& critic, policy::Rng& rng,
              LearnerMetrics* metrics) const;

  PpoOptions options_;
  ActorNetwork network_;
  Belief belief_;
  Adam adam_;
  SampleBatch window_;
  Tensor surprise_;  // [N] r - Q(s, a) of the window, by the critic of its time
  int64_t updates_ = 0;
  double deviation_ = 1.0;  // of the rewards
  double loss_ = 0.0;       // of the last round
  double entropy_ = 1.0;    // as a share of the uniform policy's
};

// What the critic did not foresee, less what the task's other choices were not
// foreseen: a task's luck is no option's merit.
std::vector<float> Surprises(const Belief& belief,
                             absl::Span<const Sample> samples) {
  std::vector<float> surprises;
  for (const Sample& sample : samples) {
    const Eigen::VectorXf x = belief.Standardised(sample.state);
    surprises.push_back(LearnedReward(sample) -
                        belief.model().Value(x, sample.options));
  }
  return LeaveOneOut(surprises, GroupsOf(samples));
}

void PpoLearner::Remember(absl::Span<const Sample> samples) {
  SampleBatch batch = ToBatch(samples, network_.spec().state_dim, Patterns());
  // Before the first fit the critic foresees nothing.
  const bool first = !belief_.started();
  if (first) {
    network_.Standardise(Eigen::Map<const policy::RowMajorMatrix>(
        batch.states.data_ptr<float>(), batch.states.size(0),
        batch.states.size(1)));
    belief_.Learn(samples);
  }
  std::vector<float> surprises = Surprises(belief_, samples);
  if (!first) belief_.Learn(samples);
  const Tensor surprise = torch::tensor(surprises);
  if (first) {
    window_ = std::move(batch);
    surprise_ = surprise;
  } else {
    const auto append = [&](Tensor& all, const Tensor& fresh) {
      all = torch::cat({all, fresh});
      const int64_t extra = all.size(0) - options_.window;
      if (extra > 0) all = all.narrow(0, extra, options_.window).clone();
    };
    append(window_.states, batch.states);
    append(window_.options, batch.options);
    append(window_.probabilities, batch.probabilities);
    append(window_.rewards, batch.rewards);
    append(surprise_, surprise);
  }
  if (Size() > 1) {
    deviation_ = std::max(1e-3, window_.rewards.std().item<double>());
  }
}

PpoLearner::Critic PpoLearner::MakeCritic() const {
  const LinearScores scores = belief_.Scores(1.0F);
  const int64_t total = scores.bias.size();
  const auto copy = [](const float* data, std::vector<int64_t> shape) {
    return torch::from_blob(const_cast<float*>(data), shape).clone();
  };
  Critic critic{
      .weights = copy(scores.state.data(), {total, network_.spec().state_dim})
                     .t()
                     .contiguous(),
      .bias = copy(scores.bias.data(), {total}),
      .pair = copy(belief_.model().mean().pair.data(), {total, total}),
      .fixed = belief_.BestFixed({})};
  return critic;
}

Tensor PpoLearner::Minibatch(policy::Rng& rng) const {
  const int64_t n = std::min<int64_t>(options_.minibatch, Size());
  if (n == Size()) return torch::arange(n, torch::kLong);
  Tensor rows = torch::empty({n}, torch::kLong);
  for (int64_t i = 0; i < n; ++i) {
    rows.data_ptr<int64_t>()[i] = rng.Below(static_cast<uint32_t>(Size()));
  }
  return rows;
}

// Options [B] drawn from the rows of `p` [B, n].
Tensor Draw(const Tensor& p, policy::Rng& rng) {
  const Tensor rows = p.contiguous();
  const int64_t n = rows.size(1);
  Tensor options = torch::zeros({rows.size(0)}, torch::kLong);
  for (int64_t i = 0; i < rows.size(0); ++i) {
    const float* row = rows.data_ptr<float>() + i * n;
    float u = rng.UnitFloat();
    int64_t a = 0;
    while (a + 1 < n && u >= row[a]) u -= row[a++];
    options.data_ptr<int64_t>()[i] = a;
  }
  return options;
}

// One pass a pattern over both, one below the other: libtorch's time on batches
// this small goes by the operation.
PpoLearner::Turns PpoLearner::TakeTurns(const Tensor& x, const Tensor& taken,
                                        policy::Rng& rng) const {
  const ActorNetwork::Impl& net = network_.impl();
  const int64_t b = x.size(0);
  const Tensor keys = net.OptionKeys();
  const Tensor both = torch::cat({x, x});
  Tensor earlier = torch::zeros({2 * b, net.option_embeddings.size(1)});
  std::vector<Tensor> choices;
  Turns turns;
  for (int k = 0; k < Patterns(); ++k) {
    const Tensor personal = net.PersonalGiven(k, both, earlier);
    const Tensor logits = net.LogitsOf(k, personal, keys);
    turns.personal.push_back(personal.narrow(0, 0, b));
    turns.logits.push_back(logits.narrow(0, 0, b));
    turns.at_taken.push_back(logits.narrow(0, b, b));
    choices.push_back(Draw(WithFloor(turns.logits.back().detach(),
                                     net.spec.heads.exploration_floor),
                           rng));
    const Tensor options = torch::cat({choices.back(), taken.select(1, k)});
    earlier = earlier + net.option_embeddings.index_select(
                            0, options + net.option_offsets[k]);
  }
  turns.choices = torch::stack(choices, 1);
  return turns;
}

Tensor PpoLearner::Counterfactuals(const Critic& critic, const Tensor& states,
                                   const Tensor& choices) const {
  const Tensor offsets =
      torch::tensor(network_.impl().option_offsets, torch::kLong);
  const Tensor chosen = torch::zeros({states.size(0), critic.bias.size(0)})
                            .scatter_(1, choices + offsets, 1.0);
  // Pairs within a pattern are 0.
  return torch::addmm(critic.bias, states, critic.weights)
      .addmm(chosen, critic.pair)
      .div_(deviation_);
}

Tensor PpoLearner::Loss(const Tensor& rows, const Critic& critic,
                        policy::Rng& rng, LearnerMetrics* metrics) const {
  const ActorNetwork::Impl& net = network_.impl();
  const double floor = net.spec.heads.exploration_floor;
  const Tensor states = window_.states.index_select(0, rows);
  const Tensor taken = window_.options.index_select(0, rows);
  const Tensor old = window_.probabilities.index_select(0, rows);
  const Tensor advantage = surprise_.index_select(0, rows) / deviation_;
  const Turns turns = TakeTurns(net.Standardised(states), taken, rng);
  const Tensor values = Counterfactuals(critic, states, turns.choices);
  std::vector<Tensor> losses, chosen;
  for (int k = 0; k < Patterns(); ++k) {
    const Tensor& logits = turns.logits[k];
    const Tensor advantages =
        values.narrow(1, net.option_offsets[k], logits.size(1));
    losses.push_back(ImprovementLoss(logits, advantages, options_.temperature,
                                     options_.fixed_share, critic.fixed[k]));
    chosen.push_back(
        WithFloor(turns.at_taken[k], floor).gather(1, taken.narrow(1, k, 1)));
    if (metrics == nullptr) continue;
    const std::string& name = network_.spec().patterns[k];
    metrics->emplace_back(absl::StrCat("improvement_loss.", name),
                          losses.back().item<double>());
    metrics->emplace_back(absl::StrCat("entropy.", name),
                          MeanEntropy(WithFloor(logits, floor)).item<double>());
  }
  const double patterns = Patterns();
  const Tensor surrogate =
      patterns * ClippedSurrogateLoss(torch::cat(chosen, 1) / old,
                                      advantage.unsqueeze(1), options_.clip);
  if (metrics != nullptr) {
    metrics->emplace_back("surrogate_loss", surrogate.item<double>());
  }
  const Tensor personal = torch::cat(turns.personal, 1);
  const Tensor spread =
      (personal - personal.mean(0, true)).square().sum(1).mean();
  return torch::stack(losses).sum() + options_.surrogate * surrogate +
         options_.shrinkage * spread;
}

LearnerMetrics PpoLearner::Update(absl::Span<const Sample> samples) {
  if (samples.empty()) return {};
  Remember(samples);
  policy::Rng rng(options_.seed, kMinibatchStream + updates_);
  const Critic critic = MakeCritic();
  LearnerMetrics metrics;
  loss_ = 0.0;
  const int steps =
      updates_ < options_.first_rounds ? options_.first_steps : options_.steps;
  for (int step = 0; step < steps; ++step) {
    const Tensor rows = Minibatch(rng);
    adam_.ZeroGradients();
    const bool last = step + 1 == steps;
    const Tensor loss = Loss(rows, critic, rng, last ? &metrics : nullptr);
    loss.backward();
    adam_.Step(options_.max_gradient_norm);
    loss_ += loss.item<double>() / steps;
  }
  ++updates_;
  entropy_ = EntropyShare(metrics, network_.spec().options_per_pattern);
  metrics.emplace_back("policy_loss", loss_);
  for (auto& metric : BeliefMetrics(belief_, network_.spec().patterns)) {
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

absl::Status PpoLearner::Health() const {
  ATTUNE_RETURN_IF_ERROR(belief_.Health());
  return CheckPolicy(loss_, entropy_, options_.entropy_floor);
}

// All but the window, whose size varies, and the critic.
TensorMap PpoLearner::State() const {
  TensorMap state = network_.impl().Named();
  for (auto& entry : adam_.Named("adam.")) state.push_back(std::move(entry));
  return state;
}

TensorMap WindowTensors(const SampleBatch& window, const Tensor& surprise) {
  return {{"window.states", window.states},
          {"window.options", window.options},
          {"window.probabilities", window.probabilities},
          {"window.rewards", window.rewards},
          {"window.surprise", surprise}};
}

std::string PpoLearner::SaveState() const {
  TensorMap state = State();
  const int64_t size = updates_ == 0 ? 0 : Size();
  std::string belief = belief_.Save();
  state.emplace_back(
      "counters",
      torch::tensor({updates_, size, static_cast<int64_t>(belief.size())},
                    torch::kLong));
  state.emplace_back(
      "numbers", torch::tensor({deviation_, loss_, entropy_}, torch::kDouble));
  state.emplace_back(
      "belief",
      torch::from_blob(belief.data(), {static_cast<int64_t>(belief.size())},
                       torch::kUInt8)
          .clone());
  if (size == 0) return SaveTensors(state);
  for (auto& entry : WindowTensors(window_, surprise_)) {
    state.push_back(std::move(entry));
  }
  return SaveTensors(state);
}

absl::Status PpoLearner::LoadState(const std::string& state) {
  const Tensor counters = torch::zeros({3}, torch::kLong);
  const Tensor numbers = torch::zeros({3}, torch::kDouble);
  TensorMap fixed = State();
  fixed.emplace_back("counters", counters);
  fixed.emplace_back("numbers", numbers);
  ATTUNE_RETURN_IF_ERROR(LoadTensors(state, fixed));
  const int64_t* c = counters.data_ptr<int64_t>();
  updates_ = c[0];
  const int64_t n = c[1];
  deviation_ = numbers[0].item<double>();
  loss_ = numbers[1].item<double>();
  entropy_ = numbers[2].item<double>();
  const Tensor belief = torch::zeros({c[2]}, torch::kUInt8);
  TensorMap grown = {{"belief", belief}};
  if (n > 0) {
    window_.states = torch::zeros({n, network_.spec().state_dim});
    window_.options = torch::zeros({n, Patterns()}, torch::kLong);
    window_.probabilities = torch::zeros({n, Patterns()});
    window_.rewards = torch::zeros({n});
    surprise_ = torch::zeros({n});
    for (auto& entry : WindowTensors(window_, surprise_)) {
      grown.push_back(std::move(entry));
    }
  }
  ATTUNE_RETURN_IF_ERROR(LoadTensors(state, grown));
  return belief_.Load(std::string(
      reinterpret_cast<const char*>(belief.data_ptr<uint8_t>()), c[2]));
}

}  // namespace

std::unique_ptr<Learner> MakePpoLearner(NetworkSpec spec, PpoOptions options) {
  return std::make_unique<PpoLearner>(std::move(spec), options);
}

}  // namespace attune::trainer
