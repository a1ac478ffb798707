// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_world.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "policy/random.h"
#include "trainer/normal.h"

namespace attune::trainer {
namespace {

constexpr int64_t kMaxDraws = int64_t{1} << 20;
constexpr uint64_t kPermutationStream = 0x706572;
constexpr uint64_t kAnswerStream = 0x616e73;
constexpr int kOmitted = 3;

double ScoreDeviation(const SimWorldOptions& options) {
  return std::hypot(options.task_noise, options.popularity_bias,
                    options.choice_noise);
}

uint64_t HashOf(uint64_t seed, const SimWorld::Place& place,
                absl::Span<const int> choice) {
  uint64_t hash = policy::Mix64(seed);
  for (const int x : {place.user, place.draw, place.target_position}) {
    hash = policy::Mix64(hash ^ static_cast<uint64_t>(x));
  }
  for (const int option : choice) hash = policy::Mix64(hash ^ option);
  return hash;
}

}  // namespace

SimWorld::SimWorld(SimWorldOptions options, const policy::Catalog& catalog)
    : options_(options),
      phrases_(options.seed),
      users_(options),
      reward_(options.candidates, options.position_bias,
              ScoreDeviation(options)) {
  SetCatalog(catalog);
  base_ = options_.base_quality - MeanEffect();
}

double SimWorld::MeanEffect() const {
  double sum = 0.0;
  Eigen::Vector4d earlier = Eigen::Vector4d::Zero();
  for (const std::vector<OptionEffects>& pattern : effects_) {
    const auto n = static_cast<double>(pattern.size());
    Eigen::Vector4d pair = Eigen::Vector4d::Zero();
    for (const OptionEffects& option : pattern) {
      sum += option.main / n;
      pair += option.pair / n;
    }
    sum += pair.dot(earlier);
    earlier += pair;
  }
  return sum;
}

void SimWorld::SetCatalog(const policy::Catalog& catalog) {
  effects_.clear();
  for (const policy::Pattern& pattern : catalog.patterns) {
    std::vector<OptionEffects>& effects = effects_.emplace_back();
    for (const policy::Option& option : pattern.options) {
      effects.push_back(
          EffectsOf(catalog, pattern, option, options_, phrases_));
    }
  }
}

std::vector<int> SimWorld::HeldOutUsers() const {
  std::vector<int> users(num_users() - num_train_users());
  std::iota(users.begin(), users.end(), num_train_users());
  return users;
}

SimWorld::Layout SimWorld::LayoutOf(int user, int draw, int position) const {
  const int n = options_.candidates;
  policy::Rng rng(options_.seed ^ policy::Mix64(static_cast<uint64_t>(user)),
                  kPermutationStream ^ policy::Mix64(draw));
  Layout layout{.drawn = users_.DrawCandidates(user, draw)};
  layout.target = static_cast<int>(rng.Below(n));
  std::swap(layout.drawn.items[0], layout.drawn.items[layout.target]);
  std::swap(layout.drawn.merits[0], layout.drawn.merits[layout.target]);
  layout.displayed =
      policy::Permutation::WithFixed(n, layout.target, position, rng);
  return layout;
}

Task SimWorld::MakeTask(int user, int draw, int ordinal) const {
  const int position = (ordinal + draw) % options_.candidates;
  Layout layout = LayoutOf(user, draw, position);
  Task task{
      .user = -1,
      .sim_task = (int64_t{user} * kMaxDraws + draw) * policy::kMaxCandidates +
                  position,
      .history = users_.HistoryOf(user),
      .target = layout.target,
      .permutation = std::move(layout.displayed)};
  for (const int item : layout.drawn.items) {
    task.candidates.push_back(users_.item(item));
  }
  return task;
}

std::optional<SimWorld::Place> SimWorld::PlaceOf(int64_t sim_task) const {
  const int64_t position = sim_task % policy::kMaxCandidates;
  const int64_t rest = sim_task / policy::kMaxCandidates;
  const int64_t user = rest / kMaxDraws;
  if (sim_task < 0 || user >= options_.users ||
      position >= options_.candidates) {
    return std::nullopt;
  }
  return Place{static_cast<int>(user), static_cast<int>(rest % kMaxDraws),
               static_cast<int>(position)};
}

bool SimWorld::Fits(absl::Span<const int> choice) const {
  if (choice.size() != effects_.size()) return false;
  for (size_t k = 0; k < choice.size(); ++k) {
    if (choice[k] < 0 || choice[k] >= static_cast<int>(effects_[k].size())) {
      return false;
    }
  }
  return true;
}

double SimWorld::Quality(int user, absl::Span<const int> choice) const {
  const auto latents = users_.latents().row(user).transpose().cast<double>();
  double quality = base_;
  Eigen::Vector4d earlier = Eigen::Vector4d::Zero();
  for (size_t k = 0; k < choice.size(); ++k) {
    const OptionEffects& effects = effects_[k][choice[k]];
    quality += effects.main + effects.personal.dot(latents) +
               effects.pair.dot(earlier);
    earlier += effects.pair;
  }
  return quality;
}

SimWorld::Failures SimWorld::FailuresOf(absl::Span<const int> choice) const {
  Failures failures;
  for (size_t k = 0; k < choice.size(); ++k) {
    failures.failed += effects_[k][choice[k]].failed;
    failures.partial += effects_[k][choice[k]].partial;
  }
  return failures;
}

double SimWorld::ExpectedReward(int user, absl::Span<const int> choice,
                                policy::Readout readout) const {
  const double whole = reward_.Expected(Quality(user, choice));
  if (readout != policy::Readout::kGenerate) return whole;
  const double failed = FailuresOf(choice).failed;
  return (1.0 - failed) * whole + failed * reward_.Chance();
}

SimWorld::SimAnswer SimWorld::Answer(const Place& place,
                                     absl::Span<const int> choice,
                                     uint64_t seed) const {
  const Layout layout = LayoutOf(place.user, place.draw, place.target_position);
  policy::Rng rng(HashOf(seed, place, choice), kAnswerStream);
  const double quality = Quality(place.user, choice);
  SimAnswer answer{.named = options_.candidates};
  for (int position = 0; position < options_.candidates; ++position) {
    const int index = layout.displayed.CandidateAt(position);
    const double score = (index == layout.target ? quality : 0.0) +
                         reward_.Bias(position) +
                         options_.task_noise * layout.drawn.merits[index] +
                         options_.popularity_bias *
                             users_.ItemPopularity(layout.drawn.items[index]) +
                         options_.choice_noise * Normal(rng);
    answer.scores.push_back(static_cast<float>(score));
  }
  const Failures failures = FailuresOf(choice);
  const double u01 = rng.UnitDouble();
  if (u01 < failures.failed) {
    answer.named = 0;
  } else if (u01 < failures.failed + failures.partial) {
    answer.named = std::max(1, options_.candidates - kOmitted);
  }
  return answer;
}

}  // namespace attune::trainer
