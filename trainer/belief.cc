// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/belief.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/status_macros.h"
#include "trainer/state_bytes.h"

namespace attune::trainer {
namespace {

// Ease and the default prompt's reward, in units of about a deviation.
constexpr int kCovariates = 2;
constexpr float kCovariateUnit = 0.25F;
// Draws after which Thompson() takes a choice for the second time.
constexpr int kMostDraws = 8;
// States whose best choices say how often an option is chosen.
constexpr size_t kStatesForShares = 128;

}  // namespace

Belief::Belief(std::vector<int> options_per_pattern, int state_dim,
               int item_dim, BeliefOptions options)
    : options_per_pattern_(std::move(options_per_pattern)),
      state_dim_(state_dim),
      item_dim_(item_dim),
      options_(options),
      joint_(options_per_pattern_) {}

void Belief::MakeModel(size_t count) {
  const auto n = static_cast<Eigen::Index>(count);
  policy::RowMajorMatrix states(n, state_dim_);
  Eigen::MatrixXf values(n, kCovariates);
  for (Eigen::Index i = 0; i < n; ++i) {
    states.row(i) = cases_[i].state;
    values.row(i) = cases_[i].covariates;
  }
  const StateColumns columns(states, item_dim_);
  const bool same = started() && columns.columns() == columns_.columns();
  columns_ = columns;
  const StateLayout layout = columns_.Layout();
  auto model = std::make_unique<RewardModel>(options_per_pattern_, layout,
                                             kCovariates, options_.model);
  if (same) model->LoadScales(model_->SaveScales());
  model_ = std::move(model);
  looked_at_ = count;
  Eigen::MatrixXf others(n, layout.dim - layout.embedding);
  for (Eigen::Index i = 0; i < n; ++i) {
    others.row(i) = Standardised(cases_[i].state).tail(others.cols());
  }
  covariate_fits_.clear();
  for (int c = 0; c < kCovariates; ++c) {
    covariate_fits_.push_back(FitRidge(others, values.col(c)));
  }
  AddCases(count);
}

void Belief::AddCases(size_t count) {
  for (size_t i = model_->cases().size(); i < count; ++i) {
    const RawCase& raw = cases_[i];
    Case one{.state = Standardised(raw.state),
             .covariates = Eigen::VectorXf(kCovariates),
             .choices = raw.choices,
             .rewards = raw.rewards};
    for (int c = 0; c < kCovariates; ++c) {
      const RidgeFit& fit = covariate_fits_[c];
      one.covariates[c] = fit.Unexplained(one.state.tail(fit.weights.size()),
                                          raw.covariates[c]) /
                          kCovariateUnit;
    }
    model_->Add(one);
  }
}

void Belief::Refit(int steps) {
  model_->Fit(steps);
  if (joint_.Enumerable()) {
    pair_scores_ = joint_.PairScores(model_->mean().pair);
  }
}

Eigen::VectorXf Belief::Standardised(const Eigen::VectorXf& state) const {
  return columns_.Standardised(state);
}

void Belief::Learn(absl::Span<const Sample> samples) {
  for (size_t begin = 0; begin < samples.size();) {
    const Sample& first = samples[begin];
    RawCase& one = cases_.emplace_back(
        RawCase{.state = first.state,
                .covariates = {first.ease, first.default_reward}});
    for (; begin < samples.size() && samples[begin].group == first.group &&
           samples[begin].state == first.state;
         ++begin) {
      one.choices.push_back(samples[begin].options);
      one.rewards.push_back(LearnedReward(samples[begin]));
    }
  }
  samples_ += static_cast<int64_t>(samples.size());
  if (samples.empty() ||
      static_cast<double>(samples_) <
          options_.growth * static_cast<double>(fitted_samples())) {
    return;
  }
  if (fitted_samples() < options_.many) {
    MakeModel(cases_.size());
  } else {
    AddCases(cases_.size());
  }
  Refit(samples_ < options_.many ? options_.steps : options_.late_steps);
}

std::vector<int> Belief::Best(const Eigen::VectorXf& state) const {
  if (fitted_samples() == 0) {
    return std::vector<int>(options_per_pattern_.size(), 0);
  }
  const Eigen::VectorXf scores = model_->mean().Scores(Standardised(state));
  return joint_.Enumerable()
             ? joint_.Best(scores, pair_scores_)
             : joint_.BestWithPairs(scores, model_->mean().pair);
}

std::vector<int> Belief::BestFixed(
    absl::Span<const Eigen::VectorXf> states) const {
  Eigen::VectorXf mean = columns_.center();
  if (!states.empty()) {
    mean.setZero(state_dim_);
    for (const Eigen::VectorXf& state : states) mean += state;
    mean /= static_cast<float>(states.size());
  }
  return Best(mean);
}

std::vector<int> Belief::RandomChoice(policy::Rng& rng) const {
  std::vector<int> choice;
  for (const int n : options_per_pattern_) {
    choice.push_back(static_cast<int>(rng.Below(static_cast<uint32_t>(n))));
  }
  return choice;
}

std::vector<std::vector<std::vector<int>>> Belief::Thompson(
    absl::Span<const Eigen::VectorXf> states, int count,
    policy::Rng& rng) const {
  std::vector<std::vector<std::vector<int>>> result(states.size());
  for (int attempt = 0; attempt < kMostDraws; ++attempt) {
    // Draws for all that is missing at once; repeats are drawn again.
    std::vector<size_t> missing;
    for (size_t i = 0; i < states.size(); ++i) {
      missing.insert(missing.end(), count - result[i].size(), i);
    }
    if (missing.empty()) break;
    std::vector<RewardWeights> draws;
    if (started()) draws = model_->Draw(static_cast<int>(missing.size()), rng);
    for (size_t j = 0; j < missing.size(); ++j) {
      const size_t i = missing[j];
      std::vector<int> choice =
          started()
              ? joint_.BestWithPairs(draws[j].Scores(Standardised(states[i])),
                                     draws[j].pair)
              : RandomChoice(rng);
      std::vector<std::vector<int>>& chosen = result[i];
      const bool last = attempt + 1 == kMostDraws;
      if (last ||
          std::find(chosen.begin(), chosen.end(), choice) == chosen.end()) {
        chosen.push_back(std::move(choice));
      }
    }
  }
  return result;
}

Learner::Gain Belief::EstimateGain(
    absl::Span<const Eigen::VectorXf> states) const {
  Learner::Gain gain;
  const auto n = static_cast<Eigen::Index>(states.size());
  gain.state_deviation.setZero(n);
  if (fitted_samples() == 0 || n == 0) return gain;
  const std::vector<int> fixed = BestFixed(states);
  std::vector<RewardModel::Term> all;
  for (Eigen::Index i = 0; i < n; ++i) {
    const std::vector<int> best = Best(states[i]);
    if (best == fixed) continue;
    const Eigen::VectorXf x = Standardised(states[i]);
    gain.mean += model_->Value(x, best) - model_->Value(x, fixed);
    const RewardModel::Term terms[] = {{x, best, 1.0F}, {x, fixed, -1.0F}};
    gain.state_deviation[i] =
        static_cast<float>(std::sqrt(model_->Variance(terms)));
    all.insert(all.end(), std::begin(terms), std::end(terms));
  }
  gain.mean /= static_cast<double>(n);
  gain.deviation = std::sqrt(model_->Variance(all)) / static_cast<double>(n);
  return gain;
}

LinearScores Belief::Scores(float scale) const {
  const int total = joint_.total();
  LinearScores scores{.state = policy::RowMajorMatrix::Zero(total, state_dim_),
                      .earlier = Eigen::MatrixXf::Zero(total, total),
                      .bias = Eigen::VectorXf::Zero(total)};
  if (fitted_samples() == 0) return scores;
  const RewardWeights& mean = model_->mean();
  const auto cases = model_->cases();
  const size_t seen = std::min(cases.size(), kStatesForShares);
  Eigen::VectorXf shares = Eigen::VectorXf::Zero(total);
  for (const Case& one : cases.last(seen)) {
    const Eigen::VectorXf of = mean.Scores(one.state);
    const std::vector<int> best = joint_.Enumerable()
                                      ? joint_.Best(of, pair_scores_)
                                      : joint_.BestWithPairs(of, mean.pair);
    for (size_t k = 0; k < best.size(); ++k) {
      shares[model_->offsets()[k] + best[k]] += 1.0F / static_cast<float>(seen);
    }
  }
  scores.earlier = scale * mean.pair;
  for (size_t k = 0; k < options_per_pattern_.size(); ++k) {
    const int begin = model_->offsets()[k];
    const int n = options_per_pattern_[k];
    const int later = total - begin - n;
    for (int a = begin; a < begin + n; ++a) {
      float bias = mean.common[a] + mean.pair.row(a).tail(later).dot(
                                        shares.tail(later).transpose());
      for (int j = 0; j < columns_.size(); ++j) {
        const int c = columns_.columns()[j];
        const float weight = mean.personal(a, j) / columns_.deviation()[c];
        scores.state(a, c) = scale * weight;
        bias -= weight * columns_.center()[c];
      }
      scores.bias[a] = scale * bias;
    }
    // What all of a pattern's options share decides nothing; without it the
    // logits are small.
    scores.bias.segment(begin, n).array() -=
        scores.bias.segment(begin, n).mean();
    const Eigen::RowVectorXf shared =
        scores.state.middleRows(begin, n).colwise().mean();
    scores.state.middleRows(begin, n).rowwise() -= shared;
    const Eigen::RowVectorXf pairs =
        scores.earlier.middleRows(begin, n).colwise().mean();
    scores.earlier.middleRows(begin, n).rowwise() -= pairs;
  }
  return scores;
}

absl::Status Belief::Health() const {
  if (!started() || (model_->mean().common.allFinite() &&
                     model_->mean().personal.allFinite())) {
    return absl::OkStatus();
  }
  return absl::InternalError(
      "the reward model is not finite: a reward or a state was not a number");
}

LearnerMetrics BeliefMetrics(const Belief& belief,
                             absl::Span<const std::string> patterns) {
  const RewardModel& model = belief.model();
  LearnerMetrics metrics = {{"model.noise", model.noise()},
                            {"model.task", model.task_scale()}};
  for (size_t k = 0; k < patterns.size(); ++k) {
    metrics.emplace_back(absl::StrCat("model.common.", patterns[k]),
                         model.common_scale()[k]);
    metrics.emplace_back(absl::StrCat("model.personal.", patterns[k]),
                         model.personal_scale()[k]);
  }
  return metrics;
}

std::string Belief::Save() const {
  StateWriter out;
  if (!started()) return out.Take();
  std::vector<int> sizes, choices;
  std::vector<float> states, covariates, rewards;
  for (const RawCase& one : cases_) {
    sizes.push_back(static_cast<int>(one.choices.size()));
    for (const auto& choice : one.choices) {
      choices.insert(choices.end(), choice.begin(), choice.end());
    }
    states.insert(states.end(), one.state.begin(), one.state.end());
    covariates.insert(covariates.end(), one.covariates.begin(),
                      one.covariates.end());
    rewards.insert(rewards.end(), one.rewards.begin(), one.rewards.end());
  }
  out.Put(std::vector<int64_t>{static_cast<int64_t>(model_->cases().size()),
                               static_cast<int64_t>(looked_at_)});
  out.Put(model_->SaveScales());
  out.Put(sizes);
  out.Put(choices);
  out.Put(states);
  out.Put(covariates);
  out.Put(rewards);
  return out.Take();
}

absl::Status Belief::Load(const std::string& bytes) {
  StateReader in(bytes);
  cases_.clear();
  samples_ = 0;
  model_ = nullptr;
  if (in.AtEnd()) return absl::OkStatus();
  std::vector<int64_t> fitted;
  std::vector<int> sizes, choices;
  std::vector<float> scales, states, covariates, rewards;
  ATTUNE_RETURN_IF_ERROR(in.Get(fitted));
  ATTUNE_RETURN_IF_ERROR(in.Get(scales));
  ATTUNE_RETURN_IF_ERROR(in.Get(sizes));
  ATTUNE_RETURN_IF_ERROR(in.Get(choices));
  ATTUNE_RETURN_IF_ERROR(in.Get(states));
  ATTUNE_RETURN_IF_ERROR(in.Get(covariates));
  ATTUNE_RETURN_IF_ERROR(in.Get(rewards));
  const size_t patterns = options_per_pattern_.size();
  if (fitted.size() != 2 || fitted[1] < 1 || fitted[0] < fitted[1] ||
      fitted[0] > static_cast<int64_t>(sizes.size()) ||
      choices.size() != rewards.size() * patterns ||
      states.size() != sizes.size() * state_dim_ ||
      covariates.size() != sizes.size() * kCovariates) {
    return StateReader::Damaged();
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    RawCase& one = cases_.emplace_back(RawCase{
        .state = Eigen::Map<const Eigen::VectorXf>(
            states.data() + i * state_dim_, state_dim_),
        .covariates = Eigen::Map<const Eigen::Vector2f>(covariates.data() +
                                                        i * kCovariates)});
    for (int j = 0; j < sizes[i]; ++j, ++samples_) {
      if (samples_ >= static_cast<int64_t>(rewards.size())) {
        return StateReader::Damaged();
      }
      const auto begin = choices.begin() + samples_ * patterns;
      one.choices.emplace_back(begin, begin + patterns);
      one.rewards.push_back(rewards[samples_]);
    }
  }
  MakeModel(static_cast<size_t>(fitted[1]));
  if (scales.size() != model_->SaveScales().size()) {
    model_ = nullptr;
    return StateReader::Damaged();
  }
  model_->LoadScales(scales);
  AddCases(static_cast<size_t>(fitted[0]));
  Refit(0);
  return absl::OkStatus();
}

}  // namespace attune::trainer
