// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/actor_network.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "trainer/actor_network_torch.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

using torch::Tensor;

// Columns that vary less keep their scale: dividing by almost nothing would
// blow up the first value that differs.
constexpr double kMinScale = 0.02;
// Small, so that the first policy is almost uniform.
constexpr double kOutputGain = 0.05;

Tensor NormalTensor(std::vector<int64_t> shape, double deviation,
                    policy::Rng& rng) {
  Tensor values = torch::empty(shape);
  float* out = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    out[i] = static_cast<float>(deviation * Normal(rng));
  }
  return values;
}

Tensor FromMatrix(const policy::RowMajorMatrix& matrix) {
  return torch::from_blob(const_cast<float*>(matrix.data()),
                          {matrix.rows(), matrix.cols()})
      .clone();
}

Tensor FromVector(const Eigen::VectorXf& vector) {
  return torch::from_blob(const_cast<float*>(vector.data()), {1, vector.size()})
      .clone();
}

Eigen::VectorXf ToVector(const Tensor& tensor) {
  const Tensor flat = tensor.detach().contiguous().view({-1});
  return Eigen::Map<const Eigen::VectorXf>(flat.data_ptr<float>(),
                                           flat.numel());
}

policy::NamedTensor ToNamed(std::string name, const Tensor& tensor) {
  const Tensor flat = tensor.detach().to(torch::kFloat).contiguous();
  const float* data = flat.data_ptr<float>();
  return {.name = std::move(name),
          .shape = flat.sizes().vec(),
          .values = std::vector<float>(data, data + flat.numel())};
}

torch::nn::GRU MakeGru(const NetworkSpec& spec, policy::Rng& rng) {
  torch::nn::GRU gru(
      torch::nn::GRUOptions(spec.item_dim, spec.gru_hidden).batch_first(true));
  torch::NoGradGuard no_grad;
  const double deviation =
      1.0 / std::sqrt(static_cast<double>(spec.gru_hidden));
  for (Tensor& p : gru->parameters()) {
    p.copy_(NormalTensor(p.sizes().vec(), deviation, rng));
    p.set_requires_grad(false);
  }
  return gru;
}

HeadTensors MakeHead(const NetworkSpec& spec, int options, policy::Rng& rng) {
  const int64_t e = spec.option_embeddings.cols();
  const bool sees_others =
      spec.heads.kind == policy::HeadsKind::kAutoregressive;
  const int64_t in = spec.state_dim + (sees_others ? e : 0);
  const double h = spec.heads.hidden;
  return {.w1 = NormalTensor({spec.heads.hidden, in}, 1.0 / std::sqrt(in), rng),
          .c1 = torch::zeros({spec.heads.hidden}),
          .w2 = NormalTensor({spec.heads.score_dim, spec.heads.hidden},
                             kOutputGain / std::sqrt(h), rng),
          .c2 = torch::zeros({spec.heads.score_dim}),
          .bias = torch::zeros({options})};
}

}  // namespace

int NetworkSpec::TotalOptions() const {
  return std::accumulate(options_per_pattern.begin(), options_per_pattern.end(),
                         0);
}

ActorNetwork::ActorNetwork(NetworkSpec spec)
    : spec_(std::move(spec)), impl_(std::make_unique<Impl>()) {
  policy::Rng rng(spec_.seed, 0x6e6574);
  impl_->spec = spec_;
  impl_->mean = torch::zeros({spec_.state_dim});
  impl_->scale = torch::ones({spec_.state_dim});
  impl_->option_embeddings = FromMatrix(spec_.option_embeddings);
  impl_->option_projection = NormalTensor(
      {spec_.heads.score_dim, spec_.option_embeddings.cols()}, 1.0, rng);
  int64_t offset = 0;
  for (const int options : spec_.options_per_pattern) {
    impl_->heads.push_back(MakeHead(spec_, options, rng));
    impl_->option_offsets.push_back(offset);
    offset += options;
  }
  if (spec_.gru_hidden > 0) impl_->gru = MakeGru(spec_, rng);
  for (Tensor& p : impl_->Matrices()) p.set_requires_grad(true);
  for (Tensor& p : impl_->Biases()) p.set_requires_grad(true);
}

ActorNetwork::~ActorNetwork() = default;

void ActorNetwork::Standardise(const policy::RowMajorMatrix& states) {
  const Tensor x = FromMatrix(states);
  impl_->mean.copy_(x.mean(0));
  const Tensor deviation = x.std(0, /*unbiased=*/false);
  impl_->scale.copy_(torch::where(deviation < kMinScale,
                                  torch::ones_like(deviation), deviation));
}

std::vector<policy::NamedTensor> ActorNetwork::Export() const {
  std::vector<policy::NamedTensor> tensors;
  tensors.push_back(ToNamed("option_projection", impl_->option_projection));
  const Tensor mean = impl_->mean.to(torch::kDouble);
  const Tensor scale = impl_->scale.to(torch::kDouble);
  for (size_t k = 0; k < impl_->heads.size(); ++k) {
    const HeadTensors& head = impl_->heads[k];
    // w1 ((s - mean) / scale) + c1 = (w1 / scale) s + (c1 - (w1 / scale) mean)
    Tensor w1 = head.w1.detach().to(torch::kDouble).clone();
    w1.narrow(1, 0, spec_.state_dim).div_(scale);
    const Tensor shift = w1.narrow(1, 0, spec_.state_dim).matmul(mean);
    const Tensor c1 = head.c1.detach().to(torch::kDouble) - shift;
    const std::string prefix = absl::StrCat("head.", spec_.patterns[k], ".");
    tensors.push_back(ToNamed(prefix + "w1", w1));
    tensors.push_back(ToNamed(prefix + "c1", c1.unsqueeze(1)));
    tensors.push_back(ToNamed(prefix + "w2", head.w2));
    tensors.push_back(ToNamed(prefix + "c2", head.c2.unsqueeze(1)));
    tensors.push_back(ToNamed(prefix + "bias", head.bias.unsqueeze(1)));
  }
  if (!impl_->gru) return tensors;
  const auto gru = impl_->gru->named_parameters();
  tensors.push_back(ToNamed("gru.weight_ih", gru["weight_ih_l0"]));
  tensors.push_back(ToNamed("gru.weight_hh", gru["weight_hh_l0"]));
  tensors.push_back(ToNamed("gru.bias_ih", gru["bias_ih_l0"].unsqueeze(1)));
  tensors.push_back(ToNamed("gru.bias_hh", gru["bias_hh_l0"].unsqueeze(1)));
  return tensors;
}

namespace {

Tensor RowOfOptions(absl::Span<const int> earlier, size_t patterns) {
  Tensor row = torch::zeros({1, static_cast<int64_t>(patterns)}, torch::kLong);
  for (size_t k = 0; k < earlier.size(); ++k) row[0][k] = earlier[k];
  return row;
}

}  // namespace

Eigen::VectorXf ActorNetwork::Logits(int pattern, const Eigen::VectorXf& state,
                                     absl::Span<const int> earlier) const {
  torch::NoGradGuard no_grad;
  return ToVector(impl_->Logits(pattern, impl_->Standardised(FromVector(state)),
                                RowOfOptions(earlier, impl_->heads.size())));
}

Eigen::VectorXf ActorNetwork::Probabilities(
    int pattern, const Eigen::VectorXf& state,
    absl::Span<const int> earlier) const {
  torch::NoGradGuard no_grad;
  return ToVector(
      impl_->Probabilities(pattern, impl_->Standardised(FromVector(state)),
                           RowOfOptions(earlier, impl_->heads.size())));
}

Eigen::VectorXf ActorNetwork::RunGru(
    const policy::RowMajorMatrix& inputs) const {
  torch::NoGradGuard no_grad;
  torch::nn::GRU gru = impl_->gru;
  return ToVector(std::get<1>(gru->forward(FromMatrix(inputs).unsqueeze(0))));
}

Tensor ActorNetwork::Impl::Standardised(const Tensor& states) const {
  return (states - mean) / scale;
}

Tensor ActorNetwork::Impl::OptionKeys() const {
  const double m = spec.heads.score_dim;
  return option_embeddings.matmul(option_projection.t()) / std::sqrt(m);
}

Tensor ActorNetwork::Impl::PersonalGiven(int k, const Tensor& x,
                                         const Tensor& earlier) const {
  const HeadTensors& head = heads[k];
  const bool sees_earlier =
      spec.heads.kind == policy::HeadsKind::kAutoregressive;
  const Tensor input = sees_earlier ? torch::cat({x, earlier}, 1) : x;
  return torch::addmm(head.c1, input, head.w1.t()).relu().matmul(head.w2.t());
}

Tensor ActorNetwork::Impl::LogitsOf(int k, const Tensor& personal,
                                    const Tensor& keys) const {
  const Tensor g =
      keys.narrow(0, option_offsets[k], spec.options_per_pattern[k]);
  return torch::addmm(heads[k].bias, personal + heads[k].c2, g.t());
}

Tensor ActorNetwork::Impl::Logits(int k, const Tensor& x,
                                  const Tensor& options) const {
  Tensor earlier = torch::zeros({x.size(0), option_embeddings.size(1)});
  for (int j = 0; j < k; ++j) {
    earlier = earlier + option_embeddings.index_select(
                            0, options.select(1, j) + option_offsets[j]);
  }
  return LogitsOf(k, PersonalGiven(k, x, earlier), OptionKeys());
}

Tensor ActorNetwork::Impl::Probabilities(int k, const Tensor& x,
                                         const Tensor& options) const {
  return WithFloor(Logits(k, x, options), spec.heads.exploration_floor);
}

std::vector<Tensor> ActorNetwork::Impl::Matrices() const {
  std::vector<Tensor> all = {option_projection};
  for (const HeadTensors& head : heads) {
    all.insert(all.end(), {head.w1, head.c1, head.w2, head.c2});
  }
  return all;
}

std::vector<Tensor> ActorNetwork::Impl::Biases() const {
  std::vector<Tensor> all;
  for (const HeadTensors& head : heads) {
    all.push_back(head.bias);
  }
  return all;
}

TensorMap ActorNetwork::Impl::Named() const {
  TensorMap named = {{"mean", mean},
                     {"scale", scale},
                     {"option_projection", option_projection}};
  for (size_t k = 0; k < heads.size(); ++k) {
    const std::string prefix = absl::StrCat("head.", k, ".");
    named.emplace_back(prefix + "w1", heads[k].w1);
    named.emplace_back(prefix + "c1", heads[k].c1);
    named.emplace_back(prefix + "w2", heads[k].w2);
    named.emplace_back(prefix + "c2", heads[k].c2);
    named.emplace_back(prefix + "bias", heads[k].bias);
  }
  return named;
}

Tensor WithFloor(const Tensor& logits, double floor) {
  return torch::softmax(logits, 1) * (1.0 - floor) +
         floor / static_cast<double>(logits.size(1));
}

SampleBatch ToBatch(absl::Span<const Sample> samples, int state_dim,
                    int patterns) {
  const int64_t n = static_cast<int64_t>(samples.size());
  SampleBatch batch{.states = torch::zeros({n, state_dim}),
                    .next_states = torch::zeros({n, state_dim}),
                    .done = torch::ones({n}),
                    .options = torch::zeros({n, patterns}, torch::kLong),
                    .probabilities = torch::zeros({n, patterns}),
                    .rewards = torch::zeros({n}),
                    .ease = torch::zeros({n})};
  for (int64_t i = 0; i < n; ++i) {
    const Sample& sample = samples[i];
    std::copy_n(sample.state.data(), state_dim,
                batch.states.data_ptr<float>() + i * state_dim);
    if (sample.next_state.size() > 0) {
      std::copy_n(sample.next_state.data(), state_dim,
                  batch.next_states.data_ptr<float>() + i * state_dim);
      batch.done.data_ptr<float>()[i] = 0.0F;
    }
    std::copy_n(sample.options.begin(), patterns,
                batch.options.data_ptr<int64_t>() + i * patterns);
    std::copy_n(sample.probabilities.begin(), patterns,
                batch.probabilities.data_ptr<float>() + i * patterns);
    batch.rewards.data_ptr<float>()[i] = sample.reward;
    batch.ease.data_ptr<float>()[i] = sample.ease;
  }
  return batch;
}

std::string SaveTensors(const TensorMap& tensors) {
  torch::serialize::OutputArchive archive;
  for (const auto& [name, tensor] : tensors) {
    archive.write(name, tensor.detach(), /*is_buffer=*/true);
  }
  std::ostringstream out;
  archive.save_to(out);
  return std::move(out).str();
}

absl::Status LoadTensors(const std::string& bytes, const TensorMap& tensors) {
  try {
    torch::NoGradGuard no_grad;
    torch::serialize::InputArchive archive;
    archive.load_from(bytes.data(), bytes.size());
    for (const auto& [name, tensor] : tensors) {
      Tensor stored;
      if (!archive.try_read(name, stored, /*is_buffer=*/true) ||
          stored.dtype() != tensor.dtype()) {
        return absl::DataLossError(absl::StrCat("learner state: no ", name));
      }
      if (stored.sizes() != tensor.sizes()) {
        return absl::DataLossError(
            absl::StrCat("learner state: ", name, " has another shape"));
      }
      Tensor(tensor).copy_(stored);
    }
    return absl::OkStatus();
  } catch (const c10::Error&) {
    return absl::DataLossError("learner state: not readable");
  }
}

}  // namespace attune::trainer
