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
#include "trainer/central_critic.h"
#include "trainer/losses_torch.h"

namespace attune::trainer {
namespace {

using torch::Tensor;

// Up to so many samples the critic's priors are chosen at every fit; after
// that, when the samples grew by the factor, from that many at most.
constexpr int64_t kSamplesToChooseOften = 640;
constexpr double kPriorsGrowth = 1.5;
constexpr int64_t kMaxSamplesToChoosePriors = 1600;

class PpoLearner final : public Learner {
 public:
  PpoLearner(NetworkSpec spec, PpoOptions options)
      : options_(options),
        network_(std::move(spec)),
        critic_(network_.spec().options_per_pattern, 1),
        adam_({{network_.impl().Matrices(), options.learning_rate},
               {network_.impl().Biases(), options.bias_learning_rate}}) {}

  LearnerMetrics Update(absl::Span<const Sample> samples) override;
  std::vector<policy::NamedTensor> ExportTensors() const override {
    return network_.Export();
  }
  std::string SaveState() const override;
  absl::Status LoadState(const std::string& state) override;
  std::string name() const override { return "ppo"; }

 private:
  int Patterns() const {
    return static_cast<int>(network_.spec().patterns.size());
  }
  int64_t Size() const { return window_.rewards.size(0); }
  void Start(const Tensor& states);
  void MakeCritic();
  void Remember(absl::Span<const Sample> samples);
  void FitCritic();
  // What the critic is fitted to: `count` rows of the window, evenly spaced.
  CriticSamples SamplesForCritic(int64_t count) const;
  // The standardised columns that vary: what the critic sees of states.
  Tensor CriticInput(const Tensor& states) const;
  TensorMap State() const;
  // Rows of the window that one step learns from.
  Tensor Minibatch(policy::Rng& rng) const;
  // Options [B, K] that the policy would choose now.
  Tensor SampleOptions(const Tensor& x, policy::Rng& rng) const;
  // Advantage of every option of pattern k, in units of the rewards' deviation.
  // `y` [B, d] is the critic's input. [B, n_k]
  Tensor Counterfactual(int k, const Tensor& y, const Tensor& choices,
                        const Tensor& probabilities) const;
  // The window's ease, standardised. [N]
  Tensor Ease() const;
  // r - Q(s, a) of every sample in the window. [N]
  Tensor Surprise() const;
  Tensor Loss(const Tensor& rows, const Tensor& surprise, policy::Rng& rng,
              LearnerMetrics& metrics) const;

  PpoOptions options_;
  ActorNetwork network_;
  CentralCritic critic_;
  Adam adam_;
  SampleBatch window_;
  Tensor varies_;          // [state_dim] 1 where a column varies
  Tensor critic_columns_;  // [d] indices of those columns
  int64_t updates_ = 0;
  int64_t seen_ = 0;        // samples, forgotten ones included
  int64_t fitted_at_ = 0;   // seen_ at the critic's last fit
  int64_t chosen_at_ = 0;   // seen_ when its priors were chosen last
  double deviation_ = 1.0;  // of the rewards
};

Eigen::VectorXf Row(const Tensor& x, int64_t i) {
  return Eigen::Map<const Eigen::VectorXf>(x.data_ptr<float>() + i * x.size(1),
                                           x.size(1));
}

Tensor ToRow(const Eigen::VectorXf& row) {
  return torch::from_blob(const_cast<float*>(row.data()), {1, row.size()})
      .clone();
}

Eigen::VectorXi OptionsRow(const Tensor& options, int64_t i) {
  return Eigen::Map<const Eigen::Matrix<int64_t, Eigen::Dynamic, 1>>(
             options.data_ptr<int64_t>() + i * options.size(1), options.size(1))
      .cast<int>();
}

// Learns from the first batch what states look like.
void PpoLearner::Start(const Tensor& states) {
  network_.Standardise(Eigen::Map<const policy::RowMajorMatrix>(
      states.data_ptr<float>(), states.size(0), states.size(1)));
  const Tensor range = states.amax(0) - states.amin(0);
  varies_ = (range > 1e-4).to(torch::kFloat);
  MakeCritic();
}

void PpoLearner::MakeCritic() {
  critic_columns_ = varies_.nonzero().squeeze(1);
  if (critic_columns_.numel() == 0) {
    critic_columns_ = torch::zeros({1}, torch::kLong);
  }
  critic_ = CentralCritic(network_.spec().options_per_pattern,
                          static_cast<int>(critic_columns_.numel()));
}

Tensor PpoLearner::CriticInput(const Tensor& states) const {
  return network_.impl()
      .Standardised(states)
      .index_select(1, critic_columns_)
      .contiguous();
}

void PpoLearner::Remember(absl::Span<const Sample> samples) {
  SampleBatch batch = ToBatch(samples, network_.spec().state_dim, Patterns());
  if (seen_ == 0) {
    Start(batch.states);
    window_ = std::move(batch);
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
    append(window_.ease, batch.ease);
  }
  seen_ += static_cast<int64_t>(samples.size());
  if (Size() > 1) {
    deviation_ = std::max(1e-3, window_.rewards.std().item<double>());
  }
}

CriticSamples PpoLearner::SamplesForCritic(int64_t count) const {
  Tensor index = torch::empty({count}, torch::kLong);
  for (int64_t i = 0; i < count; ++i) {
    index.data_ptr<int64_t>()[i] = i * Size() / count;
  }
  const Tensor x = CriticInput(window_.states.index_select(0, index));
  const Tensor options = window_.options.index_select(0, index);
  const Tensor rewards = window_.rewards.index_select(0, index);
  const Tensor ease = Ease().index_select(0, index);
  CriticSamples samples;
  samples.x = Eigen::Map<const policy::RowMajorMatrix>(x.data_ptr<float>(),
                                                       x.size(0), x.size(1));
  samples.options.resize(count, Patterns());
  samples.rewards =
      Eigen::Map<const Eigen::VectorXf>(rewards.data_ptr<float>(), count);
  samples.ease =
      Eigen::Map<const Eigen::VectorXf>(ease.data_ptr<float>(), count);
  for (int64_t i = 0; i < count; ++i) {
    samples.options.row(i) = OptionsRow(options, i).transpose();
  }
  return samples;
}

void PpoLearner::FitCritic() {
  if (Size() <= kSamplesToChooseOften ||
      static_cast<double>(seen_) >=
          kPriorsGrowth * static_cast<double>(chosen_at_)) {
    critic_.ChoosePriors(
        SamplesForCritic(std::min(Size(), kMaxSamplesToChoosePriors)));
    chosen_at_ = seen_;
  }
  critic_.Fit(SamplesForCritic(Size()));
  fitted_at_ = seen_;
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

Tensor PpoLearner::SampleOptions(const Tensor& x, policy::Rng& rng) const {
  torch::NoGradGuard no_grad;
  const int64_t b = x.size(0);
  Tensor options = torch::zeros({b, Patterns()}, torch::kLong);
  for (int k = 0; k < Patterns(); ++k) {
    const Tensor p = network_.impl().Probabilities(k, x, options).contiguous();
    const int64_t n = p.size(1);
    for (int64_t i = 0; i < b; ++i) {
      const float* row = p.data_ptr<float>() + i * n;
      float u = rng.UnitFloat();
      int64_t a = 0;
      while (a + 1 < n && u >= row[a]) u -= row[a++];
      options.data_ptr<int64_t>()[i * Patterns() + k] = a;
    }
  }
  return options;
}

Tensor PpoLearner::Counterfactual(int k, const Tensor& y, const Tensor& choices,
                                  const Tensor& probabilities) const {
  const int64_t b = y.size(0);
  Tensor q = torch::empty_like(probabilities.detach());
  for (int64_t i = 0; i < b; ++i) {
    const Eigen::VectorXf values =
        critic_.Counterfactual(k, Row(y, i), OptionsRow(choices, i));
    std::copy_n(values.data(), values.size(),
                q.data_ptr<float>() + i * q.size(1));
  }
  const Tensor baseline = (q * probabilities.detach()).sum(1, true);
  return (q - baseline) / deviation_;
}

Tensor PpoLearner::Ease() const {
  const Tensor centred = window_.ease - window_.ease.mean();
  return centred / centred.square().mean().sqrt().clamp_min(1e-3);
}

Tensor PpoLearner::Surprise() const {
  const Tensor x = CriticInput(window_.states);
  const Tensor ease = Ease();
  Tensor surprise = window_.rewards.clone();
  for (int64_t i = 0; i < Size(); ++i) {
    surprise.data_ptr<float>()[i] -= critic_.Value(
        Row(x, i), OptionsRow(window_.options, i), ease.data_ptr<float>()[i]);
  }
  return surprise / deviation_;
}

Tensor PpoLearner::Loss(const Tensor& rows, const Tensor& surprise,
                        policy::Rng& rng, LearnerMetrics& metrics) const {
  const ActorNetwork::Impl& net = network_.impl();
  const Tensor states = window_.states.index_select(0, rows);
  const Tensor x = net.Standardised(states);
  const Tensor y = CriticInput(states);
  const Tensor taken = window_.options.index_select(0, rows);
  const Tensor old = window_.probabilities.index_select(0, rows);
  const Tensor advantage = surprise.index_select(0, rows);
  const Tensor choices = SampleOptions(x, rng);
  Tensor loss = torch::zeros({});
  metrics.clear();
  for (int k = 0; k < Patterns(); ++k) {
    const Tensor logits = net.Logits(k, x, choices);
    const Tensor p = WithFloor(logits, net.spec.heads.exploration_floor);
    const Tensor improvement = ImprovementLoss(
        logits, Counterfactual(k, y, choices, p), options_.temperature);
    const Tensor chosen = net.Probabilities(k, x, taken)
                              .gather(1, taken.select(1, k).unsqueeze(1))
                              .squeeze(1);
    const Tensor surrogate = ClippedSurrogateLoss(chosen / old.select(1, k),
                                                  advantage, options_.clip);
    const Tensor entropy = MeanEntropy(p);
    const Tensor personal = net.Personal(k, x, choices);
    const Tensor spread =
        (personal - personal.mean(0, true)).square().sum(1).mean();
    loss = loss + improvement + options_.surrogate * surrogate -
           options_.entropy * entropy + options_.shrinkage * spread;
    const std::string& name = network_.spec().patterns[k];
    metrics.emplace_back(absl::StrCat("improvement_loss.", name),
                         improvement.item<double>());
    metrics.emplace_back(absl::StrCat("surrogate_loss.", name),
                         surrogate.item<double>());
    metrics.emplace_back(absl::StrCat("entropy.", name),
                         entropy.item<double>());
    metrics.emplace_back(absl::StrCat("personal.", name),
                         spread.item<double>());
  }
  return loss;
}

LearnerMetrics PpoLearner::Update(absl::Span<const Sample> samples) {
  if (samples.empty()) return {};
  Remember(samples);
  if (static_cast<double>(seen_) >=
      options_.critic_growth * static_cast<double>(fitted_at_)) {
    FitCritic();
  }
  policy::Rng rng(options_.seed, 0x70706f00 + updates_);
  const Tensor surprise = Surprise();
  LearnerMetrics metrics;
  double policy_loss = 0.0;
  for (int step = 0; step < options_.steps; ++step) {
    const Tensor rows = Minibatch(rng);
    adam_.ZeroGradients();
    const Tensor loss = Loss(rows, surprise, rng, metrics);
    loss.backward();
    adam_.Step(options_.max_gradient_norm);
    policy_loss += loss.item<double>() / options_.steps;
  }
  ++updates_;
  metrics.emplace_back("policy_loss", policy_loss);
  metrics.emplace_back("critic.noise", critic_.noise());
  for (int k = 0; k < Patterns(); ++k) {
    const std::string& name = network_.spec().patterns[k];
    metrics.emplace_back(absl::StrCat("critic.common_prior.", name),
                         critic_.priors().common[k]);
    metrics.emplace_back(absl::StrCat("critic.personal_prior.", name),
                         critic_.priors().personal[k]);
  }
  return metrics;
}

// All but the counters, the window and the critic, whose sizes vary.
TensorMap PpoLearner::State() const {
  TensorMap state = network_.impl().Named();
  for (auto& entry : adam_.Named("adam.")) state.push_back(std::move(entry));
  return state;
}

TensorMap WindowTensors(const SampleBatch& window) {
  return {{"window.states", window.states},
          {"window.options", window.options},
          {"window.probabilities", window.probabilities},
          {"window.rewards", window.rewards},
          {"window.ease", window.ease}};
}

std::string PpoLearner::SaveState() const {
  TensorMap state = State();
  const int64_t size = seen_ == 0 ? 0 : Size();
  state.emplace_back(
      "counters", torch::tensor({updates_, seen_, fitted_at_, chosen_at_, size},
                                torch::kLong));
  state.emplace_back("deviation", torch::tensor({deviation_}, torch::kDouble));
  if (size == 0) return SaveTensors(state);
  for (auto& entry : WindowTensors(window_)) state.push_back(std::move(entry));
  const Eigen::VectorXf critic = critic_.Save();
  state.emplace_back("varies", varies_);
  state.emplace_back("critic", ToRow(critic));
  return SaveTensors(state);
}

absl::Status PpoLearner::LoadState(const std::string& state) {
  const Tensor counters = torch::zeros({5}, torch::kLong);
  const Tensor deviation = torch::zeros({1}, torch::kDouble);
  TensorMap fixed = State();
  fixed.emplace_back("counters", counters);
  fixed.emplace_back("deviation", deviation);
  ATTUNE_RETURN_IF_ERROR(LoadTensors(state, fixed));
  const int64_t* c = counters.data_ptr<int64_t>();
  updates_ = c[0];
  seen_ = c[1];
  fitted_at_ = c[2];
  chosen_at_ = c[3];
  deviation_ = deviation.item<double>();
  const int64_t n = c[4];
  if (n == 0) return absl::OkStatus();
  window_.states = torch::zeros({n, network_.spec().state_dim});
  window_.options = torch::zeros({n, Patterns()}, torch::kLong);
  window_.probabilities = torch::zeros({n, Patterns()});
  window_.rewards = torch::zeros({n});
  window_.ease = torch::zeros({n});
  varies_ = torch::zeros({network_.spec().state_dim});
  TensorMap grown = WindowTensors(window_);
  grown.emplace_back("varies", varies_);
  ATTUNE_RETURN_IF_ERROR(LoadTensors(state, grown));
  MakeCritic();
  const Tensor critic = torch::zeros({1, critic_.Save().size()});
  ATTUNE_RETURN_IF_ERROR(LoadTensors(state, {{"critic", critic}}));
  critic_.Load(Row(critic, 0));
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<Learner> MakePpoLearner(NetworkSpec spec, PpoOptions options) {
  return std::make_unique<PpoLearner>(std::move(spec), options);
}

}  // namespace attune::trainer
