// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/sim_world.h"

#include <cmath>
#include <numeric>

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

uint64_t HashOf(uint64_t seed, int64_t task, absl::Span<const int> choice) {
  uint64_t hash = policy::Mix64(seed ^ policy::Mix64(task));
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

Task SimWorld::MakeTask(int user, int draw, int ordinal) const {
  const int n = options_.candidates;
  const SimUsers::Candidates drawn = users_.DrawCandidates(user, draw);
  policy::Rng rng(options_.seed ^ policy::Mix64(static_cast<uint64_t>(user)),
                  kPermutationStream ^ policy::Mix64(draw));
  const auto target = static_cast<int>(rng.Below(n));
  const int position = (ordinal + draw) % n;
  Task task{.user = -1,
            .sim_task = (int64_t{user} * kMaxDraws + draw) *
                            policy::kMaxCandidates +
                        position,
            .history = users_.HistoryOf(user),
            .target = target};
  for (const int item : drawn.items) {
    task.candidates.push_back(users_.item(item));
  }
  std::swap(task.candidates[0], task.candidates[target]);
  task.permutation = policy::Permutation::WithFixed(n, target, position, rng);
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
    if (choice[k] < 0 ||
        choice[k] >= static_cast<int>(effects_[k].size())) {
      return false;
    }
  }
  return true;
}

double SimWorld::Quality(int user, absl::Span<const int> choice) const {
  const auto latents = users_.latents().row(user).transpose().cast<double>();
  double quality = options_.base_quality;
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
  const Task task = MakeTask(place.user, place.draw,
                             place.target_position - place.draw %
                                 options_.candidates + options_.candidates);
  const SimUsers::Candidates drawn =
      users_.DrawCandidates(place.user, place.draw);
  policy::Rng rng(HashOf(seed, task.sim_task, choice), kAnswerStream);
  const double quality = Quality(place.user, choice);
  SimAnswer answer{.named = options_.candidates};
  for (int position = 0; position < options_.candidates; ++position) {
    int index = task.permutation.CandidateAt(position);
    // The true item was drawn first and swapped into its place.
    index = index == task.target ? 0 : (index == 0 ? task.target : index);
    const double score =
        (index == 0 ? quality : 0.0) + reward_.Bias(position) +
        options_.task_noise * drawn.merits[index] +
        options_.popularity_bias * users_.ItemPopularity(drawn.items[index]) +
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
