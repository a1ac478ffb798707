// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/environment.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/metrics.h"
#include "policy/random.h"

namespace attune::trainer {
namespace {

constexpr int kMetricCutoff = 10;
// Popularity draws that hit a touched item before falling back to uniform ones.
constexpr int kMaxRejections = 1000;

policy::Item HistoryItem(const Dataset& dataset,
                         const Interaction& interaction) {
  policy::Item item = dataset.items[interaction.item];
  item.weight = interaction.weight;
  item.interact_seconds = interaction.seconds;
  return item;
}

// One untouched item, by popularity if `cumulative` is not empty.
int DrawItem(int num_items, const std::vector<int64_t>& cumulative,
             policy::Rng& rng) {
  if (cumulative.empty() || cumulative.back() == 0) {
    return static_cast<int>(rng.Below(static_cast<uint32_t>(num_items)));
  }
  const auto point = static_cast<int64_t>(
      rng.UnitDouble() * static_cast<double>(cumulative.back()));
  return static_cast<int>(
      std::upper_bound(cumulative.begin(), cumulative.end(), point) -
      cumulative.begin());
}

// Distinct items outside `touched` (ascending).
std::vector<int> DrawNegatives(int count, int num_items,
                               const std::vector<int>& touched,
                               const std::vector<int64_t>& cumulative,
                               policy::Rng& rng) {
  static const std::vector<int64_t> kUniform;
  std::vector<int> negatives;
  int rejections = 0;
  while (static_cast<int>(negatives.size()) < count) {
    const int item = DrawItem(
        num_items, rejections < kMaxRejections ? cumulative : kUniform, rng);
    if (std::binary_search(touched.begin(), touched.end(), item) ||
        std::find(negatives.begin(), negatives.end(), item) !=
            negatives.end()) {
      ++rejections;
      continue;
    }
    negatives.push_back(item);
  }
  return negatives;
}

}  // namespace

absl::Status Environment::Check(const Dataset& dataset,
                                const EnvironmentOptions& options) {
  if (options.num_candidates < policy::kMinCandidates ||
      options.num_candidates > policy::kMaxCandidates) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_candidates must be in [", policy::kMinCandidates,
                     ", ", policy::kMaxCandidates, "]"));
  }
  if (options.max_history < 1 ||
      options.max_history > policy::kMaxHistoryItems) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_history must be in [1, ", policy::kMaxHistoryItems, "]"));
  }
  for (const User& user : dataset.users) {
    if (dataset.items.size() - user.touched.size() <
        static_cast<size_t>(options.num_candidates - 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a user left fewer than num_candidates - 1 = ",
                       options.num_candidates - 1,
                       " items untouched to serve as negatives"));
    }
  }
  return absl::OkStatus();
}

Environment::Environment(const Dataset& dataset, EnvironmentOptions options)
    : dataset_(dataset), options_(options) {
  if (options_.negatives != NegativeSampling::kPopularity) return;
  int64_t total = 0;
  for (const int count : dataset.TrainCounts()) {
    total += count;
    cumulative_popularity_.push_back(total);
  }
}

Task Environment::MakeTask(int user, int draw, int ordinal) const {
  const User& source = dataset_.users[user];
  policy::Rng rng(policy::Mix64(options_.seed) ^ static_cast<uint64_t>(draw),
                  static_cast<uint64_t>(user));
  Task task;
  task.user = user;
  const int target = static_cast<int>(source.interactions.size()) - 1;
  for (int i = std::max(0, target - options_.max_history); i < target; ++i) {
    task.history.push_back(HistoryItem(dataset_, source.interactions[i]));
  }
  std::vector<int> items = DrawNegatives(
      options_.num_candidates - 1, static_cast<int>(dataset_.items.size()),
      source.touched, cumulative_popularity_, rng);
  task.target =
      static_cast<int>(rng.Below(static_cast<uint32_t>(items.size() + 1)));
  items.insert(items.begin() + task.target, source.interactions[target].item);
  for (const int item : items) task.candidates.push_back(dataset_.items[item]);
  const int size = options_.num_candidates;
  task.permutation = policy::Permutation::WithFixed(
      size, task.target, (ordinal + draw) % size, rng);
  return task;
}

float Reward(const Task& task, const policy::Ranking& ranking) {
  return static_cast<float>(policy::NdcgAt(
      kMetricCutoff, policy::RankOf(task.target, ranking.candidates)));
}

float Ease(const Task& task, absl::Span<const float> scores) {
  int rank = 1;
  for (size_t i = 0; i < scores.size(); ++i) {
    rank +=
        static_cast<int>(i) != task.target && scores[i] >= scores[task.target];
  }
  return static_cast<float>(policy::NdcgAt(kMetricCutoff, rank));
}

}  // namespace attune::trainer
