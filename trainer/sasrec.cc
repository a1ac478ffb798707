// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sasrec.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>
#include <vector>

#include "policy/random.h"
#include "trainer/adam.h"
#include "trainer/item_index.h"
#include "trainer/one_thread_torch.h"
#include "trainer/sasrec_network_torch.h"

namespace attune::trainer {
namespace {

// Stream of the seed; see policy::Rng.
constexpr uint64_t kSamplingStream = 42;
constexpr double kMaxGradientNorm = 5.0;

using torch::Tensor;
using Network = SasRecNetwork;

// Stretches of train histories: each item foretells the one after it.
std::vector<std::vector<int>> Windows(const Dataset& dataset, int length) {
  std::vector<std::vector<int>> windows;
  for (const std::vector<Interaction>& history : dataset.TrainHistories()) {
    // One more than is read, since the last is only foretold.
    for (size_t begin = 0; begin + 1 < history.size(); begin += length) {
      const size_t end = std::min(history.size(), begin + length + 1);
      std::vector<int>& window = windows.emplace_back();
      for (size_t i = begin; i < end; ++i) {
        window.push_back(history[i].item + 1);
      }
    }
  }
  return windows;
}

// Draws rows by popularity to a power.
class NegativeSampler {
 public:
  NegativeSampler(const std::vector<int>& counts, double power) {
    double sum = 0.0;
    for (const int count : counts) {
      sum += count > 0 ? std::pow(count, power) : 0.0;
      cumulative_.push_back(sum);
    }
  }
  int64_t Draw(policy::Rng& rng) const {
    const double point = rng.UnitDouble() * cumulative_.back();
    return std::upper_bound(cumulative_.begin(), cumulative_.end(), point) -
           cumulative_.begin() + 1;
  }

 private:
  std::vector<double> cumulative_;
};

// [B, n] each; padded places hold 0 in `next`.
struct Batch {
  Tensor history, next, negatives;
};

Batch MakeBatch(const std::vector<std::vector<int>>& windows,
                const std::vector<size_t>& order, size_t begin, size_t end,
                const NegativeSampler& sampler, policy::Rng& rng) {
  size_t length = 0;
  for (size_t i = begin; i < end; ++i) {
    length = std::max(length, windows[order[i]].size() - 1);
  }
  const auto zeros = [&] {
    return torch::zeros(
        {static_cast<int64_t>(end - begin), static_cast<int64_t>(length)},
        torch::kLong);
  };
  Batch batch = {zeros(), zeros(), zeros()};
  for (size_t b = begin; b < end; ++b) {
    const std::vector<int>& window = windows[order[b]];
    const size_t row = (b - begin) * length;
    for (size_t i = 0; i + 1 < window.size(); ++i) {
      batch.history.data_ptr<int64_t>()[row + i] = window[i];
      batch.next.data_ptr<int64_t>()[row + i] = window[i + 1];
      batch.negatives.data_ptr<int64_t>()[row + i] = sampler.Draw(rng);
    }
  }
  return batch;
}

// Kang & McAuley (9), the mean over what is foretold.
Tensor Loss(const Network& network, const Batch& batch,
            at::Generator& generator) {
  const Tensor x = network.Encode(batch.history, &generator);
  const Tensor next = (x * network.Embed(batch.next)).sum(-1);
  const Tensor negative = (x * network.Embed(batch.negatives)).sum(-1);
  const Tensor real = batch.next.ne(0).to(torch::kFloat);
  const Tensor losses =
      torch::log_sigmoid(next) + torch::log_sigmoid(-negative);
  return -(losses * real).sum() / real.sum();
}

absl::Status Train(const Dataset& dataset, const SasRecOptions& options,
                   const std::vector<std::vector<int>>& windows,
                   const Network& network) {
  policy::Rng rng(options.seed, kSamplingStream);
  at::Generator generator = at::detail::createCPUGenerator(options.seed);
  const NegativeSampler sampler(dataset.TrainCounts(), options.negative_power);
  Adam adam({{network.parameters(), options.learning_rate}});
  std::vector<size_t> order(windows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto size = static_cast<size_t>(options.batch_size);
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    for (auto i = static_cast<uint32_t>(order.size()); i > 1; --i) {
      std::swap(order[i - 1], order[rng.Below(i)]);
    }
    for (size_t begin = 0; begin < order.size(); begin += size) {
      const size_t end = std::min(order.size(), begin + size);
      adam.ZeroGradients();
      const Tensor loss =
          Loss(network, MakeBatch(windows, order, begin, end, sampler, rng),
               generator);
      if (!std::isfinite(loss.item<double>())) {
        return absl::InternalError(
            "SASRec: the loss is not finite; lower learning_rate");
      }
      loss.backward();
      adam.Step(kMaxGradientNorm);
    }
  }
  return absl::OkStatus();
}

class SasRecScorer : public Scorer {
 public:
  SasRecScorer(const Dataset& dataset, int max_length, Network network)
      : index_(dataset),
        counts_(dataset.TrainCounts()),
        max_length_(max_length),
        network_(std::move(network)) {}

  std::string name() const override { return "sasrec"; }

  absl::StatusOr<std::vector<float>> Score(const Task& task) const override {
    const torch::NoGradGuard no_grad;
    std::vector<int64_t> history = Rows(task.history);
    std::erase(history, 0);
    if (static_cast<int>(history.size()) > max_length_) {
      history.erase(history.begin(), history.end() - max_length_);
    }
    const std::vector<int64_t> candidates = Rows(task.candidates);
    // Padding before the first item stands for an empty history.
    if (history.empty()) history.push_back(0);
    const Tensor last =
        network_.Encode(torch::tensor(history).unsqueeze(0), nullptr)[0][-1];
    const Tensor scores =
        torch::mv(network_.Embed(torch::tensor(candidates)), last);
    std::vector<float> result(scores.data_ptr<float>(),
                              scores.data_ptr<float>() + scores.numel());
    const float lowest = *std::min_element(result.begin(), result.end()) - 1.0F;
    for (size_t i = 0; i < result.size(); ++i) {
      if (candidates[i] == 0) result[i] = lowest;
    }
    return result;
  }

 private:
  // 0 for items that the network never saw.
  std::vector<int64_t> Rows(const std::vector<policy::Item>& items) const {
    std::vector<int64_t> rows;
    for (const policy::Item& item : items) {
      const int at = index_.Find(item.id);
      rows.push_back(at < 0 || counts_[at] == 0 ? 0 : at + 1);
    }
    return rows;
  }

  ItemIndex index_;
  std::vector<int> counts_;
  int max_length_;
  Network network_;
};

absl::Status CheckOptions(const SasRecOptions& options) {
  if (options.dim < 1 || options.dim > 1024 || options.max_length < 1 ||
      options.max_length > 1000) {
    return absl::InvalidArgumentError(
        "SASRec: dim must be in [1, 1024], max_length in [1, 1000]");
  }
  if (options.blocks < 1 || options.epochs < 1 || options.batch_size < 1) {
    return absl::InvalidArgumentError(
        "SASRec: blocks, epochs and batch_size must be >= 1");
  }
  if (!(options.learning_rate > 0.0F) || !(options.dropout >= 0.0F) ||
      !(options.dropout < 1.0F) || !(options.negative_power >= 0.0F)) {
    return absl::InvalidArgumentError(
        "SASRec: learning_rate must be > 0, dropout in [0, 1), negative_power "
        ">= 0");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Scorer>> TrainSasRec(
    const Dataset& dataset, const SasRecOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  const std::vector<std::vector<int>> windows =
      Windows(dataset, options.max_length);
  if (windows.empty()) {
    return absl::FailedPreconditionError(
        "SASRec: no train user has two interactions to learn from");
  }
  try {
    const OneThread one_thread;
    Network network(static_cast<int64_t>(dataset.items.size()), options);
    if (absl::Status status = Train(dataset, options, windows, network);
        !status.ok()) {
      return status;
    }
    return std::make_unique<SasRecScorer>(dataset, options.max_length,
                                          std::move(network));
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace attune::trainer
