// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Parity: what libtorch trains is what policy/ serves.

#include "trainer/actor_network.h"

#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/actor.h"
#include "policy/gru.h"
#include "policy/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/trainer/exported_actor.h"
#include "trainer/actor_network_torch.h"

namespace attune::trainer {
namespace {

using ::attune::testing::IsOk;
using ::attune::testing::StatusIs;
using policy::HeadsKind;
using ::testing::HasSubstr;

constexpr uint64_t kSeed = 20260301;
constexpr int kStates = 1000;
constexpr int kStateDim = 37;
constexpr float kTolerance = 1e-5F;

float Symmetric(policy::Rng& rng) { return 2.0F * rng.UnitFloat() - 1.0F; }

policy::RowMajorMatrix RandomMatrix(int rows, int cols, policy::Rng& rng) {
  policy::RowMajorMatrix matrix(rows, cols);
  for (float& x : matrix.reshaped()) x = Symmetric(rng);
  return matrix;
}

NetworkSpec Spec(HeadsKind kind) {
  policy::Rng rng(kSeed, 1);
  return {.heads = {.kind = kind,
                    .hidden = 64,
                    .score_dim = 32,
                    .exploration_floor = 0.05F},
          .state_dim = kStateDim,
          .patterns = {"history", "hint", "reasoning", "role", "format"},
          .options_per_pattern = {8, 6, 7, 1, 5},
          .option_embeddings = RandomMatrix(27, 24, rng),
          .item_dim = 16,
          .gru_hidden = 12,
          .seed = kSeed};
}

// States as an encoder makes them: columns of different means and scales, one
// that never varies, zeros at the end when there was no previous iteration.
policy::RowMajorMatrix States(int count, uint64_t stream) {
  policy::Rng rng(kSeed, stream);
  policy::RowMajorMatrix states(count, kStateDim);
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < kStateDim; ++j) {
      const float scale = j % 5 == 4 ? 4.0F : 0.3F;
      states(i, j) = 0.2F * static_cast<float>(j % 7) + scale * Symmetric(rng);
    }
    states(i, 3) = 0.7F;
    if (i % 2 == 0) states.row(i).tail(12).setZero();
  }
  return states;
}

// Weights as training leaves them: no zeros, choices far from uniform.
void Perturb(ActorNetwork& network) {
  policy::Rng rng(kSeed, 2);
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> all = network.impl().Matrices();
  for (const torch::Tensor& bias : network.impl().Biases()) {
    all.push_back(bias);
  }
  for (torch::Tensor& tensor : all) {
    float* values = tensor.data_ptr<float>();
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      values[i] += 0.2F * Symmetric(rng);
    }
  }
}

class ParityTest : public ::testing::TestWithParam<HeadsKind> {
 protected:
  ParityTest() : network_(Spec(GetParam())) {
    network_.Standardise(States(200, /*stream=*/3));
    Perturb(network_);
  }

  // Options of all patterns, drawn at random.
  std::vector<int> RandomOptions(policy::Rng& rng) const {
    std::vector<int> options;
    for (const int n : network_.spec().options_per_pattern) {
      options.push_back(static_cast<int>(rng.Below(n)));
    }
    return options;
  }

  ActorNetwork network_;
};

TEST_P(ParityTest, EigenComputesWhatLibtorchTrains) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const Exported exported(network_.spec(), network_.Export());
  const policy::Actor actor = exported.Actor();
  const policy::RowMajorMatrix states = States(kStates, /*stream=*/4);
  policy::Rng rng(kSeed, 5);
  float worst_logit = 0.0F;
  float worst_probability = 0.0F;
  float largest_logit = 0.0F;
  for (int i = 0; i < kStates; ++i) {
    const Eigen::VectorXf state = states.row(i);
    const std::vector<int> options = RandomOptions(rng);
    for (int k = 0; k < static_cast<int>(options.size()); ++k) {
      const auto earlier = absl::MakeConstSpan(options).first(k);
      const Eigen::VectorXf logits = network_.Logits(k, state, earlier);
      const Eigen::VectorXf p = network_.Probabilities(k, state, earlier);
      EXPECT_NEAR(p.sum(), 1.0F, 1e-5F);
      largest_logit = std::max(largest_logit, logits.cwiseAbs().maxCoeff());
      worst_logit = std::max(
          worst_logit,
          (actor.Logits(k, state, earlier) - logits).cwiseAbs().maxCoeff());
      worst_probability = std::max(
          worst_probability,
          (actor.Probabilities(k, state, earlier) - p).cwiseAbs().maxCoeff());
    }
  }
  // Not a parity of zeros.
  EXPECT_GT(largest_logit, 1.0F);
  EXPECT_LE(worst_logit, kTolerance);
  EXPECT_LE(worst_probability, kTolerance);
  std::printf(
      "[ parity ] logits within %.1e of up to %.1f, probabilities %.1e\n",
      worst_logit, largest_logit, worst_probability);
}

TEST_P(ParityTest, EarlierOptionsMatterToAutoregressiveHeadsOnly) {
  const Exported exported(network_.spec(), network_.Export());
  const policy::Actor actor = exported.Actor();
  const Eigen::VectorXf state = States(1, /*stream=*/6).row(0);
  const Eigen::VectorXf one = actor.Logits(2, state, {0, 0});
  const Eigen::VectorXf other = actor.Logits(2, state, {5, 3});
  const float difference = (one - other).cwiseAbs().maxCoeff();
  if (GetParam() == HeadsKind::kAutoregressive) {
    EXPECT_GT(difference, 0.01F);
  } else {
    EXPECT_EQ(difference, 0.0F);
  }
}

TEST_P(ParityTest, ALoadedNetworkIsTheSavedOne) {
  ActorNetwork copy(Spec(GetParam()));
  ASSERT_THAT(
      LoadTensors(SaveTensors(network_.impl().Named()), copy.impl().Named()),
      IsOk());
  const auto expected = network_.Export();
  const auto actual = copy.Export();
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(actual[i].name, expected[i].name);
    EXPECT_EQ(actual[i].shape, expected[i].shape);
    EXPECT_EQ(actual[i].values, expected[i].values) << expected[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(AllHeads, ParityTest,
                         ::testing::Values(HeadsKind::kIndependent,
                                           HeadsKind::kAutoregressive),
                         [](const ::testing::TestParamInfo<HeadsKind>& info) {
                           return info.param == HeadsKind::kIndependent
                                      ? "Independent"
                                      : "Autoregressive";
                         });

TEST(GruParityTest, EigenComputesWhatLibtorchDoes) {
  SCOPED_TRACE(::testing::Message() << "seed " << kSeed);
  const ActorNetwork network(Spec(HeadsKind::kIndependent));
  const Exported exported(network.spec(), network.Export());
  const policy::Gru gru = exported.Gru();
  policy::Rng rng(kSeed, 7);
  float worst = 0.0F;
  for (int i = 0; i < kStates; ++i) {
    const policy::RowMajorMatrix inputs =
        RandomMatrix(1 + static_cast<int>(rng.Below(20)), 16, rng);
    const Eigen::VectorXf expected = network.RunGru(inputs);
    EXPECT_GT(expected.norm(), 0.0F);
    worst = std::max(worst, (gru.Run(inputs) - expected).cwiseAbs().maxCoeff());
  }
  EXPECT_LE(worst, kTolerance);
  std::printf("[ parity ] GRU within %.1e\n", worst);
}

TEST(ActorNetworkTest, BeginsAlmostUniform) {
  const ActorNetwork network(Spec(HeadsKind::kAutoregressive));
  const Eigen::VectorXf p =
      network.Probabilities(0, States(1, /*stream=*/8).row(0), {});
  EXPECT_LT((p.array() - 1.0F / 8.0F).abs().maxCoeff(), 0.05F);
}

TEST(ActorNetworkTest, StandardisesColumnsButNotThoseThatHardlyVary) {
  ActorNetwork network(Spec(HeadsKind::kIndependent));
  const policy::RowMajorMatrix states = States(200, /*stream=*/3);
  network.Standardise(states);
  const torch::Tensor x = network.impl().Standardised(
      torch::from_blob(const_cast<float*>(states.data()), {200, kStateDim}));
  EXPECT_LT(x.mean(0).abs().max().item<float>(), 1e-4F);
  const torch::Tensor deviation = x.std(0, /*unbiased=*/false);
  EXPECT_NEAR(deviation[0].item<float>(), 1.0F, 1e-4F);
  // The column that never varies stays 0, and a new value moves it by no more
  // than itself.
  EXPECT_LT(deviation[3].item<float>(), 1e-4F);
  EXPECT_EQ(network.impl().scale[3].item<float>(), 1.0F);
}

TEST(ActorNetworkTest, ProbabilitiesKeepTheExplorationFloor) {
  const torch::Tensor p = WithFloor(torch::tensor({{100.0F, 0.0F}}), 0.1);
  EXPECT_FLOAT_EQ(p[0][0].item<float>(), 0.95F);
  EXPECT_FLOAT_EQ(p[0][1].item<float>(), 0.05F);
}

TEST(LoadTensorsTest, RefusesOtherShapesNamesAndBytes) {
  const std::string bytes = SaveTensors({{"a", torch::ones({2, 3})}});
  EXPECT_THAT(LoadTensors(bytes, {{"a", torch::zeros({3, 2})}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("shape")));
  EXPECT_THAT(LoadTensors(bytes, {{"b", torch::zeros({2, 3})}}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no b")));
  EXPECT_THAT(LoadTensors("what is this", {{"a", torch::zeros({2, 3})}}),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(LoadTensors(bytes.substr(0, bytes.size() / 2),
                          {{"a", torch::zeros({2, 3})}}),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace attune::trainer
