// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/bandit.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "policy/random.h"
#include "trainer/linear_heads.h"

namespace attune::trainer {
namespace {

constexpr uint64_t kProposeStream = 0x74686f6d;

class BanditLearner final : public Learner {
 public:
  BanditLearner(NetworkSpec spec, BanditOptions options)
      : spec_(std::move(spec)),
        options_(options),
        belief_(spec_.options_per_pattern, spec_.state_dim, spec_.item_dim,
                options.belief) {
    // Nothing trains the GRU; its weights are those of the other learners.
    if (spec_.gru_hidden == 0) return;
    for (policy::NamedTensor& tensor : ActorNetwork(spec_).Export()) {
      if (absl::StartsWith(tensor.name, "gru.")) {
        gru_.push_back(std::move(tensor));
      }
    }
  }

  LearnerMetrics Update(absl::Span<const Sample> samples) override {
    belief_.Learn(samples);
    return belief_.started() ? BeliefMetrics(belief_, spec_.patterns)
                             : LearnerMetrics();
  }

  std::vector<std::vector<Proposal>> Propose(
      absl::Span<const Eigen::VectorXf> states, int count,
      uint64_t seed) const override;

  std::vector<policy::NamedTensor> ExportTensors() const override {
    std::vector<policy::NamedTensor> tensors =
        LinearHeads(spec_, belief_.Scores(1.0F / options_.temperature));
    tensors.insert(tensors.end(), gru_.begin(), gru_.end());
    return tensors;
  }

  std::optional<Gain> EstimateGain(
      absl::Span<const Eigen::VectorXf> states) const override {
    return belief_.EstimateGain(states);
  }
  absl::Status Health() const override { return belief_.Health(); }
  std::string SaveState() const override { return belief_.Save(); }
  absl::Status LoadState(const std::string& state) override {
    return belief_.Load(state);
  }
  std::string name() const override { return "bandit"; }
  int ChoicesPerTask() const override { return 4; }

 private:
  const NetworkSpec spec_;
  const BanditOptions options_;
  Belief belief_;
  std::vector<policy::NamedTensor> gru_;
};

std::vector<std::vector<Proposal>> BanditLearner::Propose(
    absl::Span<const Eigen::VectorXf> states, int count, uint64_t seed) const {
  policy::Rng rng(seed, kProposeStream);
  std::vector<std::vector<Proposal>> proposals;
  for (auto& choices : belief_.Thompson(states, count, rng)) {
    std::vector<Proposal>& tried = proposals.emplace_back();
    for (std::vector<int>& options : choices) {
      std::vector<float> ones(options.size(), 1.0F);
      tried.push_back({std::move(options), std::move(ones)});
    }
  }
  return proposals;
}

}  // namespace

std::unique_ptr<Learner> MakeBanditLearner(NetworkSpec spec,
                                           BanditOptions options) {
  return std::make_unique<BanditLearner>(std::move(spec), options);
}

}  // namespace attune::trainer
