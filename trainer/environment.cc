// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/environment.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/metrics.h"
#include "policy/random.h"
#include "policy/status_macros.h"
#include "trainer/item_knn.h"

namespace attune::trainer {
namespace {

constexpr int kMetricCutoff = 10;
// Popularity draws that hit a touched item before falling back to uniform ones.
constexpr int kMaxRejections = 1000;
// Hard negatives are drawn from so many times as many as are needed.
constexpr int kHardPool = 5;
// Stream of the seed: whose history is cut.
constexpr uint64_t kColdUserStream = 31;

policy::Item HistoryItem(const Dataset& dataset,
                         const Interaction& interaction) {
  policy::Item item = dataset.items[interaction.item];
  item.weight = interaction.weight;
  if (dataset.has_time) item.interact_seconds = interaction.seconds;
  return item;
}

// Cold ones among the negatives of a cold target.
int ColdNegatives(const EnvironmentOptions& options) {
  return (options.num_candidates - 1) / 2;
}

bool Touched(const User& user, int item) {
  return std::binary_search(user.touched.begin(), user.touched.end(), item);
}

bool HasColdTarget(const Dataset& dataset, const User& user) {
  return std::any_of(user.targets.begin(), user.targets.end(),
                     [&dataset](const Interaction& target) {
                       return dataset.IsCold(target.item);
                     });
}

// Whether the user left enough warm items (and cold ones, if there is a cold
// target) untouched.
absl::Status CheckUser(const Dataset& dataset,
                       const EnvironmentOptions& options, const User& user,
                       int cold_items) {
  const auto cold_touched = static_cast<int>(
      std::count_if(user.touched.begin(), user.touched.end(),
                    [&dataset](int item) { return dataset.IsCold(item); }));
  const int cold = cold_items - cold_touched;
  const int all = static_cast<int>(dataset.items.size() - user.touched.size());
  if (all - cold < options.num_candidates - 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a user left fewer than num_candidates - 1 = ",
        options.num_candidates - 1, " items untouched to serve as negatives"));
  }
  if (HasColdTarget(dataset, user) && cold < ColdNegatives(options)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a user with a cold target left fewer than ", ColdNegatives(options),
        " cold items untouched to serve as negatives: raise cold_item_share"));
  }
  return absl::OkStatus();
}

// A place among `size` items: by popularity, or uniform.
size_t DrawFrom(size_t size, const std::vector<int64_t>& cumulative,
                bool uniform, policy::Rng& rng) {
  if (cumulative.empty() || uniform) {
    return rng.Below(static_cast<uint32_t>(size));
  }
  const auto point = static_cast<int64_t>(
      rng.UnitDouble() * static_cast<double>(cumulative.back()));
  return std::upper_bound(cumulative.begin(), cumulative.end(), point) -
         cumulative.begin();
}

bool Contains(const std::vector<int>& items, int item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

void Shuffle(std::vector<int>& items, policy::Rng& rng) {
  for (auto i = static_cast<uint32_t>(items.size()); i > 1; --i) {
    std::swap(items[i - 1], items[rng.Below(i)]);
  }
}

bool IsShare(double share) { return share >= 0.0 && share <= 1.0; }

// The share of users with the longest histories; of equal ones those with the
// larger sum of weights, since some data sets cut all lists at one length.
std::vector<bool> HeavyUsers(const Dataset& dataset, double share) {
  std::vector<std::tuple<size_t, double, int>> order;
  for (const User& user : dataset.users) {
    double weight = 0.0;
    for (const Interaction& i : user.history) weight += i.weight;
    order.emplace_back(user.history.size(), weight,
                       static_cast<int>(order.size()));
  }
  std::sort(order.rbegin(), order.rend());
  order.resize(static_cast<size_t>(
      std::llround(share * static_cast<double>(order.size()))));
  std::vector<bool> heavy(dataset.users.size());
  for (const auto& [length, weight, user] : order) heavy[user] = true;
  return heavy;
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
  if (!IsShare(options.cold_user_share) || !IsShare(options.heavy_user_share)) {
    return absl::InvalidArgumentError(
        "cold_user_share and heavy_user_share must be in [0, 1]");
  }
  const auto cold_items = static_cast<int>(
      std::count(dataset.cold.begin(), dataset.cold.end(), true));
  for (const User& user : dataset.users) {
    ATTUNE_RETURN_IF_ERROR(CheckUser(dataset, options, user, cold_items));
  }
  return absl::OkStatus();
}

Environment::Environment(const Dataset& dataset, EnvironmentOptions options)
    : dataset_(dataset),
      options_(options),
      heavy_(HeavyUsers(dataset, options.heavy_user_share)),
      warm_(MakePool(/*cold=*/false)),
      cold_(MakePool(/*cold=*/true)) {
  if (options_.negatives == NegativeSampling::kHard) {
    knn_ = std::make_unique<ItemKnn>(dataset);
  }
}

Environment::~Environment() = default;

Environment::Pool Environment::MakePool(bool cold) const {
  Pool pool;
  for (size_t i = 0; i < dataset_.items.size(); ++i) {
    const int item = static_cast<int>(i);
    if (dataset_.IsCold(item) == cold) pool.items.push_back(item);
  }
  if (options_.negatives == NegativeSampling::kUniform) return pool;
  const std::vector<int> counts = dataset_.PopularityCounts();
  int64_t total = 0;
  for (const int item : pool.items) {
    total += counts[item];
    pool.cumulative.push_back(total);
  }
  if (total == 0) pool.cumulative.clear();
  return pool;
}

int Environment::HistoryShown(int user) const {
  const int shown =
      std::min(options_.max_history,
               static_cast<int>(dataset_.users[user].history.size()));
  policy::Rng rng(policy::Mix64(options_.seed) ^ kColdUserStream,
                  static_cast<uint64_t>(user));
  if (rng.UnitDouble() >= options_.cold_user_share) return shown;
  return std::min(shown, 1 + static_cast<int>(rng.Below(kColdHistory)));
}

std::vector<int> Environment::LikedItems(const User& user, int shown,
                                         size_t count) const {
  std::vector<int> history;
  for (size_t i = user.history.size() - shown; i < user.history.size(); ++i) {
    history.push_back(user.history[i].item);
  }
  const std::vector<float> scores = knn_->ScoreAll(history);
  std::vector<int> liked;
  for (const int item : warm_.items) {
    if (scores[item] > 0.0F && !Touched(user, item)) liked.push_back(item);
  }
  count = std::min(count, liked.size());
  std::partial_sort(liked.begin(), liked.begin() + count, liked.end(),
                    [&scores](int a, int b) {
                      return scores[a] > scores[b] ||
                             (scores[a] == scores[b] && a < b);
                    });
  liked.resize(count);
  return liked;
}

std::vector<int> Environment::Negatives(const User& user, int shown,
                                        bool cold_target,
                                        policy::Rng& rng) const {
  std::vector<int> negatives;
  // One more of `pool`; by popularity until that has failed too often.
  int rejections = 0;
  const auto draw = [&](const Pool& pool) {
    while (true) {
      const size_t at = DrawFrom(pool.items.size(), pool.cumulative,
                                 rejections >= kMaxRejections, rng);
      const int item = pool.items[at];
      if (!Touched(user, item) && !Contains(negatives, item)) return item;
      ++rejections;
    }
  };
  const int cold = cold_target ? ColdNegatives(options_) : 0;
  for (int i = 0; i < cold; ++i) negatives.push_back(draw(cold_));
  const int warm = options_.num_candidates - 1 - cold;
  if (knn_ != nullptr) {
    std::vector<int> liked = LikedItems(user, shown, kHardPool * warm);
    for (int i = 0; i < warm && !liked.empty(); ++i) {
      const uint32_t at = rng.Below(static_cast<uint32_t>(liked.size()));
      negatives.push_back(liked[at]);
      liked.erase(liked.begin() + at);
    }
  }
  rejections = 0;
  while (static_cast<int>(negatives.size()) < cold + warm) {
    negatives.push_back(draw(warm_));
  }
  return negatives;
}

Task Environment::MakeTask(int user, int draw, int ordinal) const {
  const User& source = dataset_.users[user];
  policy::Rng rng(policy::Mix64(options_.seed) ^ static_cast<uint64_t>(draw),
                  static_cast<uint64_t>(user));
  Task task;
  task.user = user;
  task.target_index = draw % static_cast<int>(source.targets.size());
  const int target = source.targets[task.target_index].item;
  const int shown = HistoryShown(user);
  const size_t length = source.history.size();
  for (size_t i = length - shown; i < length; ++i) {
    task.history.push_back(HistoryItem(dataset_, source.history[i]));
  }
  const bool cut = shown <= kColdHistory;
  task.slices = {.cold_user = cut,
                 .cold_item = dataset_.IsCold(target),
                 .heavy_user = !cut && heavy_[user]};
  std::vector<int> items = Negatives(source, shown, task.slices.cold_item, rng);
  if (task.slices.cold_item || knn_ != nullptr) Shuffle(items, rng);
  task.target =
      static_cast<int>(rng.Below(static_cast<uint32_t>(items.size() + 1)));
  items.insert(items.begin() + task.target, target);
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
