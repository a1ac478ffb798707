// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_world.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "policy/metrics.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

constexpr double kLowestQuality = -8.0;
constexpr double kHighestQuality = 12.0;
constexpr int kQualitySteps = 400;
constexpr const char* kGenres[] = {"Drama",  "Comedy", "Thriller", "Western",
                                   "Horror", "Sci-Fi", "Romance",  "Crime"};

double Gumbel(policy::Rng& rng) {
  return -std::log(-std::log1p(-rng.UnitDouble()) + 1e-300);
}

// Probability of each number of successes of independent trials.
std::vector<double> PoissonBinomial(const std::vector<double>& trials) {
  std::vector<double> counts = {1.0};
  for (const double p : trials) {
    counts.push_back(0.0);
    for (size_t i = counts.size(); i-- > 0;) {
      counts[i] = counts[i] * (1.0 - p) + (i > 0 ? counts[i - 1] * p : 0.0);
    }
  }
  return counts;
}

}  // namespace

SimWorld::SimWorld(SimWorldOptions options,
                   std::vector<int> options_per_pattern)
    : options_(options), options_per_pattern_(std::move(options_per_pattern)) {
  for (const int n : options_per_pattern_) {
    offsets_.push_back(total_options_);
    total_options_ += n;
  }
  policy::Rng rng(options_.seed, 0x73696d);
  MakeItems(rng);
  MakeUsers(rng);
  MakeTastes(rng);
  MakeEffects(rng);
  MakeRewardTable();
}

void SimWorld::MakeItems(policy::Rng& rng) {
  const int d = options_.embedding_dim;
  policy::RowMajorMatrix centres(options_.clusters, d);
  for (float& x : centres.reshaped()) x = static_cast<float>(Normal(rng));
  embeddings_.resize(options_.items, d);
  for (int i = 0; i < options_.items; ++i) {
    const int cluster = i % options_.clusters;
    cluster_of_.push_back(cluster);
    for (int j = 0; j < d; ++j) {
      embeddings_(i, j) =
          centres(cluster, j) + static_cast<float>(0.5 * Normal(rng));
    }
    popularity_.push_back(rng.UnitFloat());
    items_.push_back({.id = absl::StrFormat("item%05d", i),
                      .title = absl::StrCat("Simulated Film ", i),
                      .genres = {kGenres[cluster % std::size(kGenres)]}});
  }
  embeddings_.rowwise().normalize();
}

void SimWorld::MakeUsers(policy::Rng& rng) {
  const auto draw = [&](int cluster) {
    while (true) {
      const int item = static_cast<int>(rng.Below(options_.items));
      if (cluster < 0 || cluster_of_[item] == cluster) return item;
    }
  };
  for (int u = 0; u < options_.users; ++u) {
    SimUser user;
    const int favourites[2] = {static_cast<int>(rng.Below(options_.clusters)),
                               static_cast<int>(rng.Below(options_.clusters))};
    std::vector<bool> taken(options_.items, false);
    const int span = options_.max_history - options_.min_history + 1;
    const int length = options_.min_history + static_cast<int>(rng.Below(span));
    int64_t seconds = 1'000'000'000;
    const double days = std::exp(1.0 + Normal(rng));
    while (static_cast<int>(user.history.size()) < length) {
      const double u01 = rng.UnitDouble();
      const int item =
          draw(u01 < 0.6 ? favourites[0] : (u01 < 0.9 ? favourites[1] : -1));
      if (taken[item]) continue;
      taken[item] = true;
      policy::Item seen = items_[item];
      seconds += static_cast<int64_t>(86400.0 * days * rng.UnitDouble());
      seen.interact_seconds = seconds;
      user.history.push_back(std::move(seen));
    }
    while (static_cast<int>(user.candidates.size()) < options_.candidates) {
      const bool first = user.candidates.empty();
      const int item = draw(first ? favourites[0] : -1);
      if (taken[item]) continue;
      taken[item] = true;
      user.candidates.push_back(items_[item]);
    }
    user.target = static_cast<int>(rng.Below(options_.candidates));
    std::swap(user.candidates[0], user.candidates[user.target]);
    users_.push_back(std::move(user));
  }
}

void SimWorld::MakeTastes(policy::Rng& rng) {
  // What the encoder computes of a history: the folded-in embedding and the
  // logarithm of the length.
  const int d = options_.embedding_dim;
  const float decay = static_cast<float>(options_.recency_decay);
  policy::RowMajorMatrix features(options_.users, d + 1);
  for (int u = 0; u < options_.users; ++u) {
    Eigen::RowVectorXf folded = Eigen::RowVectorXf::Zero(d);
    float weight = 1.0F;
    const auto& history = users_[u].history;
    for (size_t i = history.size(); i-- > 0; weight *= decay) {
      folded += weight * embeddings_.row(std::stoi(history[i].id.substr(4)));
    }
    features.row(u).head(d) = folded.normalized();
    features(u, d) = std::log1p(static_cast<float>(history.size()));
  }
  features.rowwise() -= features.colwise().mean().eval();
  features.col(d) /= 3.0F * std::sqrt(features.col(d).squaredNorm() /
                                      static_cast<float>(options_.users));
  policy::RowMajorMatrix map(d + 1, options_.taste_dims);
  for (float& x : map.reshaped()) x = static_cast<float>(Normal(rng));
  tastes_ = features * map;
  for (int j = 0; j < options_.taste_dims; ++j) {
    tastes_.col(j) /= std::sqrt(tastes_.col(j).squaredNorm() /
                                static_cast<float>(options_.users));
  }
}

void SimWorld::MakeEffects(policy::Rng& rng) {
  common_.resize(total_options_);
  personal_.resize(total_options_, options_.taste_dims);
  pair_.resize(total_options_, total_options_);
  const double one = options_.personal_effect / std::sqrt(options_.taste_dims);
  for (int a = 0; a < total_options_; ++a) {
    common_[a] = static_cast<float>(options_.common_effect * Normal(rng));
    for (int j = 0; j < options_.taste_dims; ++j) {
      personal_(a, j) = static_cast<float>(one * Normal(rng));
    }
    for (int b = 0; b < total_options_; ++b) {
      pair_(a, b) = static_cast<float>(options_.pair_effect * Normal(rng));
    }
  }
}

double SimWorld::Bias(int position) const {
  const double last = options_.candidates - 1;
  return options_.position_bias * (0.5 - position / last);
}

void SimWorld::MakeRewardTable() {
  constexpr int kNodes = 100;
  const int n = options_.candidates;
  std::vector<double> trials;
  for (int step = 0; step <= kQualitySteps; ++step) {
    const double quality = kLowestQuality + (kHighestQuality - kLowestQuality) *
                                                step / kQualitySteps;
    double sum = 0.0;
    for (int position = 0; position < n; ++position) {
      for (int node = 0; node < kNodes; ++node) {
        // The target's noise at an equal-probability node.
        const double noise = -std::log(-std::log((node + 0.5) / kNodes));
        trials.clear();
        for (int other = 0; other < n; ++other) {
          if (other == position) continue;
          const double lead = quality + Bias(position) + noise - Bias(other);
          trials.push_back(-std::expm1(-std::exp(-lead)));
        }
        const std::vector<double> above = PoissonBinomial(trials);
        for (int rank = 1; rank <= n; ++rank) {
          sum += above[rank - 1] * policy::NdcgAt(10, rank);
        }
      }
    }
    reward_table_.push_back(sum / (n * kNodes));
  }
}

double SimWorld::ExpectedReward(double quality) const {
  const double place =
      (std::clamp(quality, kLowestQuality, kHighestQuality) - kLowestQuality) /
      (kHighestQuality - kLowestQuality) * kQualitySteps;
  const int below = std::min(static_cast<int>(place), kQualitySteps - 1);
  const double share = place - below;
  return (1.0 - share) * reward_table_[below] +
         share * reward_table_[below + 1];
}

double SimWorld::Quality(int user, absl::Span<const int> choice) const {
  double quality = options_.base_quality;
  for (size_t k = 0; k < choice.size(); ++k) {
    const int a = offsets_[k] + choice[k];
    quality += common_[a] + personal_.row(a).dot(tastes_.row(user));
    for (size_t l = k + 1; l < choice.size(); ++l) {
      quality += pair_(a, offsets_[l] + choice[l]);
    }
  }
  return quality;
}

std::vector<float> SimWorld::Answer(double quality, int target_position,
                                    policy::Rng& rng) const {
  std::vector<float> scores;
  for (int position = 0; position < options_.candidates; ++position) {
    const double merit = position == target_position ? quality : 0.0;
    scores.push_back(static_cast<float>(merit + Bias(position) + Gumbel(rng)));
  }
  return scores;
}

Task SimWorld::MakeTask(int user, int draw, int ordinal) const {
  const SimUser& sim = users_[user];
  const int n = options_.candidates;
  const int position = (ordinal + draw) % n;
  policy::Rng rng(options_.seed + static_cast<uint64_t>(user),
                  0x100 + static_cast<uint64_t>(draw));
  return {.user = -1,
          .sim_task =
              static_cast<int64_t>(user) * policy::kMaxCandidates + position,
          .history = sim.history,
          .candidates = sim.candidates,
          .target = sim.target,
          .permutation =
              policy::Permutation::WithFixed(n, sim.target, position, rng)};
}

std::optional<SimWorld::Place> SimWorld::PlaceOf(int64_t sim_task) const {
  const int64_t user = sim_task / policy::kMaxCandidates;
  const int64_t position = sim_task % policy::kMaxCandidates;
  if (sim_task < 0 || user >= options_.users ||
      position >= options_.candidates) {
    return std::nullopt;
  }
  return Place{static_cast<int>(user), static_cast<int>(position)};
}

bool SimWorld::Fits(absl::Span<const int> choice) const {
  if (choice.size() != options_per_pattern_.size()) return false;
  for (size_t k = 0; k < choice.size(); ++k) {
    if (choice[k] < 0 || choice[k] >= options_per_pattern_[k]) return false;
  }
  return true;
}

int64_t SimWorld::JointChoices() const {
  int64_t product = 1;
  for (const int n : options_per_pattern_) product *= n;
  return product;
}

std::vector<int> SimWorld::JointChoice(int64_t index) const {
  std::vector<int> choice;
  for (const int n : options_per_pattern_) {
    choice.push_back(static_cast<int>(index % n));
    index /= n;
  }
  return choice;
}

SimWorld::Bounds SimWorld::BoundsOf(absl::Span<const int> users) const {
  Bounds bounds;
  const double n = static_cast<double>(users.size());
  const double choices = static_cast<double>(JointChoices());
  std::vector<double> best(users.size(), 0.0);
  for (int64_t index = 0; index < JointChoices(); ++index) {
    const std::vector<int> choice = JointChoice(index);
    double sum = 0.0;
    for (size_t i = 0; i < users.size(); ++i) {
      const double value = ExpectedReward(Quality(users[i], choice));
      best[i] = std::max(best[i], value);
      sum += value;
    }
    bounds.uniform += sum / (n * choices);
    bounds.best_fixed = std::max(bounds.best_fixed, sum / n);
  }
  bounds.optimum = std::accumulate(best.begin(), best.end(), 0.0) / n;
  return bounds;
}

std::vector<policy::NamedTensor> SimWorld::ItemTensors() const {
  return {
      {.name = "item_embeddings",
       .shape = {embeddings_.rows(), embeddings_.cols()},
       .values = {embeddings_.data(), embeddings_.data() + embeddings_.size()}},
      {.name = "item_popularity",
       .shape = {static_cast<int64_t>(popularity_.size())},
       .values = popularity_}};
}

std::vector<policy::NamedStrings> SimWorld::ItemStrings() const {
  std::vector<policy::NamedStrings> tables = {
      {"item_ids", {}}, {"item_titles", {}}, {"item_genres", {}}};
  for (const policy::Item& item : items_) {
    tables[0].values.push_back(item.id);
    tables[1].values.push_back(item.title);
    tables[2].values.push_back(absl::StrJoin(item.genres, "|"));
  }
  return tables;
}

}  // namespace attune::trainer
