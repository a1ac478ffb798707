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

// Ease and the default prompt's reward.
constexpr int kCovariates = 2;
// Columns that vary less are no features, and none is divided by less.
constexpr float kLeastRange = 1e-4F;
constexpr float kLeastDeviation = 0.02F;
// Draws after which Thompson() takes a choice for the second time.
constexpr int kMostDraws = 8;
// States whose best choices say how often an option is chosen.
constexpr size_t kStatesForShares = 128;

std::vector<float> ToList(const Eigen::VectorXf& values) {
  return {values.data(), values.data() + values.size()};
}

Eigen::VectorXf ToVector(const std::vector<float>& values) {
  return Eigen::Map<const Eigen::VectorXf>(
      values.data(), static_cast<Eigen::Index>(values.size()));
}

}  // namespace

Belief::Belief(std::vector<int> options_per_pattern, int state_dim,
               int item_dim, BeliefOptions options)
    : options_per_pattern_(std::move(options_per_pattern)),
      state_dim_(state_dim),
      item_dim_(item_dim),
      options_(options),
      joint_(options_per_pattern_) {}

void Belief::Start(absl::Span<const Sample> samples) {
  const auto n = static_cast<Eigen::Index>(samples.size());
  Eigen::MatrixXf states(n, state_dim_);
  for (Eigen::Index i = 0; i < n; ++i) states.row(i) = samples[i].state;
  center_ = states.colwise().mean();
  const Eigen::VectorXf range =
      states.colwise().maxCoeff() - states.colwise().minCoeff();
  deviation_ = (states.rowwise() - center_.transpose())
                   .colwise()
                   .squaredNorm()
                   .transpose() /
               static_cast<float>(n);
  // An embedding keeps its shape: where users vary most, they differ most.
  const int embedding = std::min(item_dim_, state_dim_);
  if (embedding > 0) {
    deviation_.head(embedding).setConstant(deviation_.head(embedding).mean());
  }
  deviation_ = deviation_.cwiseSqrt();
  for (float& x : deviation_) {
    if (x < kLeastDeviation) x = 1.0F;
  }
  columns_.clear();
  for (int j = 0; j < state_dim_; ++j) {
    if (range[j] > kLeastRange) columns_.push_back(j);
  }
  MakeModel();
}

void Belief::MakeModel() {
  StateLayout layout{.dim = static_cast<int>(columns_.size())};
  for (int j = 0; j < layout.dim; ++j) {
    layout.embedding += columns_[j] < item_dim_ ? 1 : 0;
    // After the embedding the encoder puts seven numbers on the history, the
    // first its length, and eight on the candidates, the last three on how far
    // their collaborative scores can be trusted (policy/user_state.h).
    const int place = columns_[j] - item_dim_;
    if (place == 0) layout.length = j;
    if (place >= 12 && place < 15) layout.trust.push_back(j);
  }
  model_ = std::make_unique<RewardModel>(options_per_pattern_, layout,
                                         kCovariates, options_.model);
}

Eigen::VectorXf Belief::Standardised(const Eigen::VectorXf& state) const {
  Eigen::VectorXf x(static_cast<Eigen::Index>(columns_.size()));
  for (size_t j = 0; j < columns_.size(); ++j) {
    const int c = columns_[j];
    x[static_cast<Eigen::Index>(j)] = (state[c] - center_[c]) / deviation_[c];
  }
  return x;
}

Case Belief::MakeCase(absl::Span<const Sample> samples) const {
  // In units of about a deviation; a missing one says nothing.
  constexpr float kScale = 0.25F;
  Case one{.state = Standardised(samples[0].state),
           .covariates =
               Eigen::Vector2f(samples[0].ease, samples[0].default_reward)};
  for (int c = 0; c < kCovariates; ++c) {
    float& value = one.covariates[c];
    value = std::isfinite(value) ? (value - covariate_mean_[c]) / kScale : 0.0F;
  }
  for (const Sample& sample : samples) {
    one.choices.push_back(sample.options);
    one.rewards.push_back(LearnedReward(sample));
  }
  return one;
}

void Belief::Learn(absl::Span<const Sample> samples) {
  if (samples.empty()) return;
  if (!started()) Start(samples);
  for (const Sample& sample : samples) {
    const Eigen::Vector2f values(sample.ease, sample.default_reward);
    for (int c = 0; c < kCovariates; ++c) {
      if (!std::isfinite(values[c])) continue;
      covariate_count_[c] += 1.0F;
      covariate_mean_[c] +=
          (values[c] - covariate_mean_[c]) / covariate_count_[c];
    }
  }
  for (size_t begin = 0; begin < samples.size();) {
    size_t end = begin + 1;
    while (end < samples.size() && samples[end].group == samples[begin].group &&
           samples[end].state == samples[begin].state) {
      ++end;
    }
    model_->Add(MakeCase(samples.subspan(begin, end - begin)));
    begin = end;
  }
  if (static_cast<double>(model_->samples()) <
      options_.growth * static_cast<double>(fitted_samples_)) {
    return;
  }
  model_->Fit(model_->samples() < options_.many ? options_.steps
                                                : options_.late_steps);
  fitted_samples_ = model_->samples();
  fitted_cases_ = static_cast<int64_t>(model_->cases().size());
  if (joint_.Enumerable())
    pair_scores_ = joint_.PairScores(model_->mean().pair);
}

std::vector<int> Belief::Best(const Eigen::VectorXf& state) const {
  if (fitted_samples_ == 0) {
    return std::vector<int>(options_per_pattern_.size(), 0);
  }
  const Eigen::VectorXf scores = model_->mean().Scores(Standardised(state));
  return joint_.Enumerable()
             ? joint_.Best(scores, pair_scores_)
             : joint_.BestWithPairs(scores, model_->mean().pair);
}

std::vector<int> Belief::BestFixed(
    absl::Span<const Eigen::VectorXf> states) const {
  Eigen::VectorXf mean = center_;
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
  if (fitted_samples_ == 0 || n == 0) return gain;
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
  if (fitted_samples_ == 0) return scores;
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
      for (size_t j = 0; j < columns_.size(); ++j) {
        const int c = columns_[j];
        const float weight =
            mean.personal(a, static_cast<Eigen::Index>(j)) / deviation_[c];
        scores.state(a, c) = scale * weight;
        bias -= weight * center_[c];
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
  out.Put(columns_);
  out.Put(ToList(center_));
  out.Put(ToList(deviation_));
  out.Put(std::vector<int64_t>{fitted_cases_, fitted_samples_});
  out.Put(ToList(covariate_mean_));
  out.Put(ToList(covariate_count_));
  if (!started()) return out.Take();
  out.Put(model_->SaveScales());
  std::vector<int> sizes, choices;
  std::vector<float> states, covariates, rewards;
  for (const Case& one : model_->cases()) {
    sizes.push_back(static_cast<int>(one.choices.size()));
    for (const auto& choice : one.choices) {
      choices.insert(choices.end(), choice.begin(), choice.end());
    }
    states.insert(states.end(), one.state.begin(), one.state.end());
    covariates.insert(covariates.end(), one.covariates.begin(),
                      one.covariates.end());
    rewards.insert(rewards.end(), one.rewards.begin(), one.rewards.end());
  }
  out.Put(sizes);
  out.Put(choices);
  out.Put(states);
  out.Put(covariates);
  out.Put(rewards);
  return out.Take();
}

absl::Status Belief::Load(const std::string& bytes) {
  StateReader in(bytes);
  std::vector<float> center, deviation, mean, count, scales;
  std::vector<int64_t> fitted;
  ATTUNE_RETURN_IF_ERROR(in.Get(columns_));
  ATTUNE_RETURN_IF_ERROR(in.Get(center));
  ATTUNE_RETURN_IF_ERROR(in.Get(deviation));
  ATTUNE_RETURN_IF_ERROR(in.Get(fitted));
  ATTUNE_RETURN_IF_ERROR(in.Get(mean));
  ATTUNE_RETURN_IF_ERROR(in.Get(count));
  if (fitted.size() != 2 || mean.size() != 2 || count.size() != 2) {
    return StateReader::Damaged();
  }
  center_ = ToVector(center);
  deviation_ = ToVector(deviation);
  covariate_mean_ = ToVector(mean);
  covariate_count_ = ToVector(count);
  fitted_cases_ = fitted[0];
  fitted_samples_ = fitted[1];
  model_ = nullptr;
  if (in.AtEnd()) return absl::OkStatus();
  if (center_.size() != state_dim_ || deviation_.size() != state_dim_) {
    return StateReader::Damaged();
  }
  MakeModel();
  std::vector<int> sizes, choices;
  std::vector<float> states, covariates, rewards;
  ATTUNE_RETURN_IF_ERROR(in.Get(scales));
  ATTUNE_RETURN_IF_ERROR(in.Get(sizes));
  ATTUNE_RETURN_IF_ERROR(in.Get(choices));
  ATTUNE_RETURN_IF_ERROR(in.Get(states));
  ATTUNE_RETURN_IF_ERROR(in.Get(covariates));
  ATTUNE_RETURN_IF_ERROR(in.Get(rewards));
  const size_t patterns = options_per_pattern_.size();
  if (scales.size() != model_->SaveScales().size() ||
      choices.size() != rewards.size() * patterns ||
      states.size() != sizes.size() * columns_.size() ||
      covariates.size() != sizes.size() * kCovariates) {
    return StateReader::Damaged();
  }
  model_->LoadScales(scales);
  size_t sample = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    Case one{.state = Eigen::Map<const Eigen::VectorXf>(
                 states.data() + i * columns_.size(),
                 static_cast<Eigen::Index>(columns_.size())),
             .covariates = Eigen::Map<const Eigen::VectorXf>(
                 covariates.data() + i * kCovariates, kCovariates)};
    for (int j = 0; j < sizes[i]; ++j, ++sample) {
      if (sample >= rewards.size()) return StateReader::Damaged();
      const auto begin = choices.begin() + sample * patterns;
      one.choices.emplace_back(begin, begin + patterns);
      one.rewards.push_back(rewards[sample]);
    }
    model_->Add(one);
    if (static_cast<int64_t>(i + 1) == fitted_cases_) model_->Fit(0);
  }
  if (joint_.Enumerable())
    pair_scores_ = joint_.PairScores(model_->mean().pair);
  return absl::OkStatus();
}

}  // namespace attune::trainer
