// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/choice_distribution.h"

#include <utility>

namespace attune::trainer {
namespace {

double UnsupportedMass(const Eigen::VectorXf& target,
                       const Eigen::VectorXf& logging) {
  double mass = 0.0;
  for (int a = 0; a < target.size(); ++a) {
    if (logging[a] <= 0.0F) mass += target[a];
  }
  return mass;
}

double Marginal(absl::Span<const DrawnChoice> drawn, size_t pattern,
                int option) {
  double sum = 0.0;
  for (const DrawnChoice& one : drawn) {
    sum += one.probabilities[pattern][option];
  }
  return sum / static_cast<double>(drawn.size());
}

}  // namespace

ChoiceDistribution DistributionOf(const policy::Actor& actor,
                                  policy::DecisionMode mode) {
  return [&actor, mode](int pattern, const Eigen::VectorXf& state,
                        absl::Span<const int> earlier) {
    Eigen::VectorXf p = actor.Probabilities(pattern, state, earlier);
    if (mode == policy::DecisionMode::kSample) return p;
    Eigen::Index best = 0;
    p.maxCoeff(&best);
    p.setZero();
    p[best] = 1.0F;
    return p;
  };
}

std::vector<DrawnChoice> DrawChoices(const ChoiceDistribution& distribution,
                                     const Eigen::VectorXf& state, int patterns,
                                     int count, policy::Rng& rng) {
  std::vector<DrawnChoice> drawn(count);
  for (DrawnChoice& one : drawn) {
    for (int k = 0; k < patterns; ++k) {
      Eigen::VectorXf p = distribution(k, state, one.options);
      one.options.push_back(policy::SampleOption(p, rng.UnitFloat()));
      one.probabilities.push_back(std::move(p));
    }
  }
  return drawn;
}

ChoiceWeights WeighChoice(const ChoiceDistribution& target,
                          const LoggedSample& sample,
                          absl::Span<const DrawnChoice> drawn) {
  ChoiceWeights weights;
  for (size_t k = 0; k < sample.options.size(); ++k) {
    const Eigen::VectorXf p =
        target(static_cast<int>(k), sample.state,
               absl::MakeConstSpan(sample.options.data(), k));
    const int option = sample.options[k];
    const double propensity = sample.propensities[k];
    weights.unsupported +=
        weights.joint * UnsupportedMass(p, sample.probabilities[k]);
    weights.joint *= p[option] / propensity;
    weights.slate += Marginal(drawn, k, option) / propensity - 1.0;
  }
  return weights;
}

}  // namespace attune::trainer
