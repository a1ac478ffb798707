// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

// Values by hand; gradients against finite differences in double precision.

#include <torch/torch.h>

#include <cmath>
#include <functional>

#include "gtest/gtest.h"
#include "policy/random.h"
#include "trainer/adam.h"
#include "trainer/losses_torch.h"

namespace attune::trainer {
namespace {

using torch::Tensor;

constexpr uint64_t kSeed = 41;

// Uniform in [low, high).
Tensor Random(std::vector<int64_t> shape, double low, double high,
              policy::Rng& rng) {
  Tensor values = torch::empty(shape, torch::kDouble);
  double* out = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    out[i] = low + (high - low) * rng.UnitDouble();
  }
  return values;
}

Tensor Doubles(std::vector<double> values) {
  return torch::tensor(values, torch::kDouble);
}

// The gradient of `loss` at `x` equals its central differences.
void ExpectGradient(const std::function<Tensor(const Tensor&)>& loss,
                    const Tensor& x) {
  constexpr double kStep = 1e-6;
  Tensor at = x.detach().clone().requires_grad_(true);
  loss(at).backward();
  const Tensor gradient = at.grad().contiguous().view({-1});
  double largest = 0.0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    Tensor above = x.detach().clone();
    above.view({-1})[i] += kStep;
    Tensor below = x.detach().clone();
    below.view({-1})[i] -= kStep;
    const double difference =
        (loss(above) - loss(below)).item<double>() / (2.0 * kStep);
    EXPECT_NEAR(gradient[i].item<double>(), difference, 1e-7) << "entry " << i;
    largest = std::max(largest, std::abs(difference));
  }
  EXPECT_GT(largest, 1e-3) << "nothing was compared";
}

// No gradient flows into what the losses call a constant.
void ExpectConstant(const std::function<Tensor(const Tensor&)>& loss,
                    const Tensor& x) {
  Tensor at = x.detach().clone().requires_grad_(true);
  const Tensor value = loss(at);
  if (!value.requires_grad()) return;
  value.backward();
  EXPECT_FALSE(at.grad().defined() && at.grad().abs().max().item<double>() > 0);
}

TEST(PolicyGradientLossTest, IsMinusTheMeanOfLogProbabilityTimesAdvantage) {
  const Tensor loss =
      PolicyGradientLoss(Doubles({0.5, 0.25}), Doubles({2.0, -1.0}));
  // -(2 ln 0.5 - ln 0.25) / 2 = -(-2 ln 2 + 2 ln 2) / 2
  EXPECT_NEAR(loss.item<double>(), 0.0, 1e-12);
  EXPECT_NEAR(PolicyGradientLoss(Doubles({0.5}), Doubles({3.0})).item<double>(),
              3.0 * std::log(2.0), 1e-12);
}

TEST(PolicyGradientLossTest, HasTheGradientOfItsValues) {
  policy::Rng rng(kSeed, 1);
  const Tensor advantage = Random({6}, -1.0, 1.0, rng);
  const Tensor chosen = Random({6}, 0.1, 0.9, rng);
  ExpectGradient(
      [&](const Tensor& p) { return PolicyGradientLoss(p, advantage); },
      chosen);
  ExpectConstant([&](const Tensor& a) { return PolicyGradientLoss(chosen, a); },
                 advantage);
}

TEST(TdErrorTest, IsRewardPlusDiscountedNextValueMinusValue) {
  const Tensor delta = TdError(Doubles({0.5, 0.5}), Doubles({0.2, 0.2}),
                               Doubles({0.4, 0.4}), Doubles({0.0, 1.0}), 0.9);
  EXPECT_NEAR(delta[0].item<double>(), 0.5 + 0.9 * 0.4 - 0.2, 1e-12);
  // Nothing comes after the last iteration.
  EXPECT_NEAR(delta[1].item<double>(), 0.3, 1e-12);
}

TEST(TdErrorTest, HasTheGradientOfTheValueAloneNotOfTheNextOne) {
  policy::Rng rng(kSeed, 2);
  const Tensor rewards = Random({5}, 0.0, 1.0, rng);
  const Tensor values = Random({5}, 0.0, 1.0, rng);
  const Tensor next = Random({5}, 0.0, 1.0, rng);
  const Tensor done = Doubles({0, 1, 0, 1, 0});
  ExpectGradient(
      [&](const Tensor& v) {
        return TdError(rewards, v, next, done, 0.95).square().mean();
      },
      values);
  ExpectConstant(
      [&](const Tensor& v) {
        return TdError(rewards, values, v, done, 0.95).square().mean();
      },
      next);
}

TEST(ClippedSurrogateLossTest, ClipsWhatWouldGoTooFar) {
  // Better than expected and already more probable by half: clipped at 1.2.
  // Worse and more probable: not clipped. Better, less probable: not clipped.
  // Worse, less probable by half: clipped at 0.8.
  const Tensor loss = ClippedSurrogateLoss(
      Doubles({1.5, 1.5, 0.5, 0.5}), Doubles({1.0, -1.0, 1.0, -1.0}), 0.2);
  EXPECT_NEAR(loss.item<double>(), -(1.2 - 1.5 + 0.5 - 0.8) / 4.0, 1e-12);
}

TEST(ClippedSurrogateLossTest, HasTheGradientOfItsValues) {
  policy::Rng rng(kSeed, 3);
  // Both sides of the clip, none on its edge.
  const Tensor ratio = Random({12}, 0.5, 1.6, rng);
  const Tensor advantage = Random({12}, -1.0, 1.0, rng);
  ExpectGradient(
      [&](const Tensor& r) { return ClippedSurrogateLoss(r, advantage, 0.2); },
      ratio);
  ExpectConstant(
      [&](const Tensor& a) { return ClippedSurrogateLoss(ratio, a, 0.2); },
      advantage);
}

TEST(ClippedSurrogateLossTest, HasNoGradientWhereItClips) {
  Tensor ratio = Doubles({1.5, 0.5}).requires_grad_(true);
  ClippedSurrogateLoss(ratio, Doubles({1.0, -1.0}), 0.2).backward();
  EXPECT_EQ(ratio.grad().abs().max().item<double>(), 0.0);
}

TEST(ImprovementLossTest, IsTheCrossEntropyToTheImprovedPolicy) {
  // Advantages 0 and t ln 3: the improved policy is 1/4, 3/4. Equal logits say
  // 1/2, 1/2: the cross-entropy is ln 2.
  const double t = 0.5;
  const Tensor advantages = Doubles({0.0, t * std::log(3.0)}).unsqueeze(0);
  const Tensor even = Doubles({1.0, 1.0}).unsqueeze(0);
  EXPECT_NEAR(ImprovementLoss(even, advantages, t).item<double>(),
              std::log(2.0), 1e-12);
  const Tensor logits = Doubles({0.0, std::log(3.0)}).unsqueeze(0);
  EXPECT_NEAR(ImprovementLoss(logits, advantages, t).item<double>(),
              -0.25 * std::log(0.25) - 0.75 * std::log(0.75), 1e-12);
}

TEST(ImprovementLossTest, GivesAShareOfTheTargetToTheFixedOption) {
  // A fifth to option 0: of 1/4, 3/4 that makes 0.4, 0.6.
  const double t = 0.5;
  const Tensor advantages = Doubles({0.0, t * std::log(3.0)}).unsqueeze(0);
  const Tensor logits = Doubles({0.0, std::log(3.0)}).unsqueeze(0);
  EXPECT_NEAR(ImprovementLoss(logits, advantages, t, 0.2, 0).item<double>(),
              -0.4 * std::log(0.25) - 0.6 * std::log(0.75), 1e-12);
}

TEST(ImprovementLossTest, IsLeastAtTheImprovedPolicyWhateverTheRowsTerm) {
  policy::Rng rng(kSeed, 4);
  const Tensor advantages = Random({3, 4}, -1.0, 1.0, rng);
  const Tensor shifted = advantages + Random({3, 1}, -5.0, 5.0, rng);
  Tensor logits = (advantages / 0.3).clone().requires_grad_(true);
  ImprovementLoss(logits, shifted, 0.3).backward();
  EXPECT_LT(logits.grad().abs().max().item<double>(), 1e-12);
}

TEST(ImprovementLossTest, HasTheGradientOfItsValues) {
  policy::Rng rng(kSeed, 5);
  const Tensor logits = Random({3, 4}, -2.0, 2.0, rng);
  const Tensor advantages = Random({3, 4}, -1.0, 1.0, rng);
  ExpectGradient(
      [&](const Tensor& l) { return ImprovementLoss(l, advantages, 0.5); },
      logits);
  ExpectConstant(
      [&](const Tensor& a) { return ImprovementLoss(logits, a, 0.5); },
      advantages);
}

TEST(MeanEntropyTest, IsLogOfTheNumberOfOptionsWhenUniform) {
  EXPECT_NEAR(
      MeanEntropy(torch::full({2, 5}, 0.2, torch::kDouble)).item<double>(),
      std::log(5.0), 1e-12);
  const Tensor p = Doubles({0.5, 0.25, 0.25}).unsqueeze(0);
  EXPECT_NEAR(MeanEntropy(p).item<double>(), 1.5 * std::log(2.0), 1e-12);
}

TEST(MeanEntropyTest, HasTheGradientOfItsValues) {
  policy::Rng rng(kSeed, 6);
  ExpectGradient([](const Tensor& p) { return MeanEntropy(p); },
                 Random({3, 4}, 0.05, 0.9, rng));
}

TEST(AdamTest, StepsAsLibtorchsDoes) {
  policy::Rng rng(kSeed, 7);
  Tensor ours = Random({4, 3}, -1.0, 1.0, rng).requires_grad_(true);
  Tensor theirs = ours.detach().clone().requires_grad_(true);
  const Tensor target = Random({4, 3}, -1.0, 1.0, rng);
  Adam adam({{{ours}, 0.05}});
  torch::optim::Adam reference({theirs}, torch::optim::AdamOptions(0.05));
  for (int step = 0; step < 20; ++step) {
    adam.ZeroGradients();
    reference.zero_grad();
    (ours - target).pow(4).sum().backward();
    (theirs - target).pow(4).sum().backward();
    adam.Step(/*max_norm=*/1e9);
    reference.step();
  }
  EXPECT_LT((ours - theirs).abs().max().item<double>(), 1e-9);
}

TEST(AdamTest, ScalesLongGradientsDown) {
  // Adam forgets a gradient's scale unless it changes: a long one after short
  // ones is cut to the same length.
  const auto after = [](double long_gradient) {
    Tensor x = torch::zeros({1}, torch::kDouble).requires_grad_(true);
    Adam adam({{{x}, 0.1}});
    for (const double gradient : {0.5, long_gradient}) {
      adam.ZeroGradients();
      (x * gradient).sum().backward();
      adam.Step(/*max_norm=*/1.0);
    }
    return x.item<double>();
  };
  EXPECT_NEAR(after(1.0), after(1000.0), 1e-12);
  EXPECT_NE(after(0.5), after(1.0));
}

TEST(PublishedTdErrorTest, HasTheValuesInEachOthersPlace) {
  // 0.9 * 2 + 0.5 - 1 and 0.9 * 0 + 0.5 - 3; nothing of it is trained.
  const Tensor values = Doubles({2.0, 0.0}).requires_grad_(true);
  const Tensor delta =
      PublishedTdError(torch::tensor(0.5), values, Doubles({1.0, 3.0}), 0.9);
  EXPECT_DOUBLE_EQ(delta[0].item<double>(), 1.3);
  EXPECT_DOUBLE_EQ(delta[1].item<double>(), -2.5);
  EXPECT_FALSE(delta.requires_grad());
}

TEST(PublishedCriticLossTest, NeverSeesTheReward) {
  // ((0.5 * 2 - 3)^2 + (0.5 * 4 - 1)^2) / 2 = (4 + 1) / 2
  const Tensor loss =
      PublishedCriticLoss(Doubles({2.0, 4.0}), Doubles({3.0, 1.0}), 0.5);
  EXPECT_DOUBLE_EQ(loss.item<double>(), 2.5);
}

}  // namespace
}  // namespace attune::trainer
