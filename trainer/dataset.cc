// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "trainer/dataset.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "policy/random.h"
#include "policy/sanitizer.h"
#include "policy/status_macros.h"
#include "trainer/atomic_file.h"

namespace attune::trainer {
namespace {

using Row = AtomicFile::Row;

constexpr double kMaxSeconds = 1e15;
// Stream of the data set's seed; see policy::Rng.
constexpr uint64_t kSplitStream = 11;
constexpr uint64_t kHoldOutStream = 12;
constexpr uint64_t kColdStream = 13;
constexpr int kMaxTargets = 100;

using Index = absl::flat_hash_map<std::string, int>;

absl::Status CheckOptions(const DatasetOptions& options) {
  if (options.min_interactions < 3) {
    return absl::InvalidArgumentError("min_interactions must be at least 3");
  }
  if (options.targets < 1 || options.targets > kMaxTargets) {
    return absl::InvalidArgumentError(
        absl::StrCat("targets must be in [1, ", kMaxTargets, "]"));
  }
  if (!(options.cold_item_share >= 0.0) || !(options.cold_item_share <= 0.5)) {
    return absl::InvalidArgumentError("cold_item_share must be in [0, 0.5]");
  }
  const double held_out = options.validation_share + options.test_share;
  if (!(options.validation_share >= 0.0) || !(options.test_share >= 0.0) ||
      !(held_out < 1.0)) {
    return absl::InvalidArgumentError(
        "validation_share and test_share must be >= 0 and less than 1 "
        "together");
  }
  return absl::OkStatus();
}

int MinInteractions(const DatasetOptions& options) {
  return std::max(options.min_interactions,
                  options.targets + Dataset::kMinHistory);
}

absl::Status CheckId(const AtomicFile& file, const Row& row, int column) {
  const std::string_view id = row.fields[column];
  const std::string& name = file.columns()[column].name;
  if (id.empty()) return file.Error(row.line, absl::StrCat(name, " is empty"));
  if (id.size() > policy::kMaxIdBytes) {
    return file.Error(row.line, absl::StrCat(name, " has more than ",
                                             policy::kMaxIdBytes, " bytes"));
  }
  if (!policy::IsValidUtf8(id)) {
    return file.Error(row.line, absl::StrCat(name, " is not valid UTF-8"));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> TitleColumn(const AtomicFile& file) {
  const int column = file.Find({"movie_title", "title", "name"});
  if (column >= 0) return column;
  for (size_t i = 0; i < file.columns().size(); ++i) {
    if (file.columns()[i].type == "token_seq") return static_cast<int>(i);
  }
  return file.Error(1, "column title is missing");
}

std::string Title(const Row& row, int title, int year,
                  const policy::Item& item) {
  std::string text(row.fields[title]);
  if (text.empty()) return item.id;
  if (year >= 0 && !row.fields[year].empty()) {
    text.append(" (").append(row.fields[year]).append(")");
  }
  if (text.size() > policy::kMaxTitleBytes || !policy::IsValidUtf8(text)) {
    text = policy::Sanitize(text);
  }
  return text.empty() ? item.id : text;
}

std::vector<std::string> Genres(std::string_view field) {
  std::vector<std::string> genres;
  while (!field.empty()) {
    const std::string_view genre = field.substr(0, field.find(' '));
    field.remove_prefix(std::min(field.size(), genre.size() + 1));
    if (genre.empty() || genre.size() > policy::kMaxGenreBytes ||
        !policy::IsValidUtf8(genre)) {
      continue;
    }
    if (genres.size() == policy::kMaxGenres) break;
    genres.emplace_back(genre);
  }
  return genres;
}

absl::StatusOr<std::vector<policy::Item>> LoadItems(
    const DatasetOptions& options, Index& index) {
  ATTUNE_ASSIGN_OR_RETURN(auto file, AtomicFile::Open(options.path + ".item"));
  ATTUNE_ASSIGN_OR_RETURN(const int id, file->Require({"item_id"}));
  ATTUNE_ASSIGN_OR_RETURN(const int title, TitleColumn(*file));
  const int year = options.year_in_title ? file->Find({"release_year"}) : -1;
  const int genres = file->Find({"class", "genre", "genres", "tags"});
  std::vector<policy::Item> items;
  for (const Row& row : file->rows()) {
    ATTUNE_RETURN_IF_ERROR(CheckId(*file, row, id));
    policy::Item item;
    item.id = std::string(row.fields[id]);
    item.title = Title(row, title, year, item);
    if (genres >= 0) item.genres = Genres(row.fields[genres]);
    if (!index.emplace(item.id, static_cast<int>(items.size())).second) {
      return file->Error(row.line, "item_id is repeated");
    }
    items.push_back(std::move(item));
  }
  return items;
}

struct RawUser {
  std::string id;
  std::vector<Interaction> interactions;
};

// Every user's interactions in file order; `interactions` also holds those
// below the minimum rating.
absl::StatusOr<std::vector<RawUser>> LoadInteractions(
    const DatasetOptions& options, const Index& items) {
  ATTUNE_ASSIGN_OR_RETURN(auto file, AtomicFile::Open(options.path + ".inter"));
  ATTUNE_ASSIGN_OR_RETURN(const int user, file->Require({"user_id"}));
  ATTUNE_ASSIGN_OR_RETURN(const int item, file->Require({"item_id"}));
  ATTUNE_ASSIGN_OR_RETURN(const int time, file->Require({"timestamp"}));
  const int rating = file->Find({"rating"});
  std::vector<RawUser> users;
  Index index;
  for (const Row& row : file->rows()) {
    ATTUNE_RETURN_IF_ERROR(CheckId(*file, row, user));
    const auto known = items.find(std::string(row.fields[item]));
    if (known == items.end()) {
      return file->Error(row.line, "item_id is not in the .item file");
    }
    Interaction interaction;
    interaction.item = known->second;
    ATTUNE_ASSIGN_OR_RETURN(const double seconds, file->Number(row, time));
    if (seconds > kMaxSeconds) {
      return file->Error(row.line, "timestamp is more than 1e15");
    }
    interaction.seconds = std::llround(seconds);
    if (rating >= 0) {
      ATTUNE_ASSIGN_OR_RETURN(const double weight, file->Number(row, rating));
      interaction.weight = static_cast<float>(weight);
    } else if (options.holdout == HoldOut::kRandom) {
      interaction.weight = static_cast<float>(seconds);
    }
    const auto [entry, inserted] = index.emplace(
        std::string(row.fields[user]), static_cast<int>(users.size()));
    if (inserted) users.emplace_back().id = entry->first;
    users[entry->second].interactions.push_back(interaction);
  }
  return users;
}

// Sorts by time, keeps the last of repeated items, fills `touched`, drops what
// is below the minimum rating. Everything kept is in `history` for now.
User Tidy(const DatasetOptions& options, RawUser raw) {
  std::vector<Interaction>& all = raw.interactions;
  std::stable_sort(all.begin(), all.end(),
                   [](const Interaction& a, const Interaction& b) {
                     return a.seconds < b.seconds;
                   });
  absl::flat_hash_map<int, size_t> last;
  for (size_t i = 0; i < all.size(); ++i) last[all[i].item] = i;
  User user;
  user.id = std::move(raw.id);
  for (size_t i = 0; i < all.size(); ++i) {
    if (last[all[i].item] != i) continue;
    user.touched.push_back(all[i].item);
    if (all[i].weight < options.min_rating) continue;
    user.history.push_back(all[i]);
  }
  std::sort(user.touched.begin(), user.touched.end());
  return user;
}

// Moves the targets out of the history; `index` is the user's place in the data
// set.
void HoldOutTargets(const DatasetOptions& options, int index, User& user) {
  std::vector<Interaction>& all = user.history;
  const size_t kept = all.size() - options.targets;
  if (options.holdout == HoldOut::kRandom) {
    policy::Rng rng(policy::Mix64(options.seed) ^ kHoldOutStream,
                    static_cast<uint64_t>(index));
    // Selection sampling (Knuth, algorithm S): the order stays within both.
    std::vector<bool> held(all.size());
    auto left = static_cast<uint32_t>(options.targets);
    for (size_t i = 0; i < all.size() && left > 0; ++i) {
      held[i] = rng.Below(static_cast<uint32_t>(all.size() - i)) < left;
      left -= held[i] ? 1 : 0;
    }
    std::vector<Interaction> parted;
    for (const bool target : {false, true}) {
      for (size_t i = 0; i < all.size(); ++i) {
        if (held[i] == target) parted.push_back(all[i]);
      }
    }
    all = std::move(parted);
  }
  user.targets.assign(all.begin() + kept, all.end());
  all.resize(kept);
}

template <typename T>
void Shuffle(std::vector<T>& order, policy::Rng& rng) {
  for (auto i = static_cast<uint32_t>(order.size()); i > 1; --i) {
    std::swap(order[i - 1], order[rng.Below(i)]);
  }
}

void AssignSplits(const DatasetOptions& options, std::vector<User>& users) {
  std::vector<int> order(users.size());
  std::iota(order.begin(), order.end(), 0);
  policy::Rng rng(options.seed, kSplitStream);
  Shuffle(order, rng);
  const double n = static_cast<double>(users.size());
  const auto share = [n](double of) {
    return of > 0.0 ? std::max<int64_t>(1, std::llround(of * n)) : 0;
  };
  const int64_t validation = share(options.validation_share);
  const int64_t test = share(options.test_share);
  const auto size = static_cast<int64_t>(order.size());
  for (int64_t i = 0; i < std::min(size, validation + test); ++i) {
    users[order[i]].split =
        i < validation ? UserSplit::kValidation : UserSplit::kTest;
  }
}

absl::Status CheckSplits(const DatasetOptions& options,
                         const Dataset& dataset) {
  for (const auto& [split, name] :
       {std::pair(UserSplit::kTrain, "train"),
        std::pair(UserSplit::kValidation, "validation"),
        std::pair(UserSplit::kTest, "test")}) {
    if (!dataset.UsersOf(split).empty()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(dataset.name, ": the ", name, " split is empty: of ",
                     dataset.users.size() + dataset.dropped_users, " users ",
                     dataset.users.size(), " have at least ",
                     MinInteractions(options), " interactions"));
  }
  return absl::OkStatus();
}

// Marks items, in random order, until they hold the share of the train
// interactions that was asked for.
absl::Status WithholdItems(const DatasetOptions& options, Dataset& dataset) {
  if (options.cold_item_share == 0.0) return absl::OkStatus();
  const std::vector<int> counts = dataset.PopularityCounts();
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<int> order;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] >= options.cold_item_min_count) {
      order.push_back(static_cast<int>(i));
    }
  }
  policy::Rng rng(options.seed, kColdStream);
  Shuffle(order, rng);
  dataset.cold.assign(dataset.items.size(), false);
  double missing = options.cold_item_share * total;
  for (const int item : order) {
    // An item that overshoots by more than it helps stays warm.
    if (counts[item] > 2.0 * missing) continue;
    dataset.cold[item] = true;
    missing -= counts[item];
  }
  if (missing > 0.2 * options.cold_item_share * total) {
    return absl::FailedPreconditionError(absl::StrCat(
        dataset.name, ": too few items have at least ",
        options.cold_item_min_count,
        " train interactions to withhold the share that cold_item_share asks "
        "for"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dataset> Dataset::Load(const DatasetOptions& options) {
  ATTUNE_RETURN_IF_ERROR(CheckOptions(options));
  Dataset dataset;
  dataset.name = options.path.substr(options.path.rfind('/') + 1);
  dataset.has_time = options.holdout == HoldOut::kLast;
  Index index;
  ATTUNE_ASSIGN_OR_RETURN(dataset.items, LoadItems(options, index));
  ATTUNE_ASSIGN_OR_RETURN(std::vector<RawUser> raw,
                          LoadInteractions(options, index));
  for (RawUser& one : raw) {
    User user = Tidy(options, std::move(one));
    if (static_cast<int>(user.history.size()) < MinInteractions(options)) {
      ++dataset.dropped_users;
      continue;
    }
    HoldOutTargets(options, static_cast<int>(dataset.users.size()), user);
    dataset.users.push_back(std::move(user));
  }
  AssignSplits(options, dataset.users);
  ATTUNE_RETURN_IF_ERROR(CheckSplits(options, dataset));
  ATTUNE_RETURN_IF_ERROR(WithholdItems(options, dataset));
  return dataset;
}

std::vector<int> Dataset::UsersOf(UserSplit split) const {
  std::vector<int> result;
  for (size_t i = 0; i < users.size(); ++i) {
    if (users[i].split == split) result.push_back(static_cast<int>(i));
  }
  return result;
}

std::vector<std::vector<Interaction>> Dataset::TrainHistories() const {
  std::vector<std::vector<Interaction>> histories;
  for (const int user : UsersOf(UserSplit::kTrain)) {
    histories.push_back(users[user].history);
    std::erase_if(histories.back(),
                  [this](const Interaction& i) { return IsCold(i.item); });
  }
  return histories;
}

std::vector<int> Dataset::TrainCounts() const {
  std::vector<int> counts = PopularityCounts();
  for (size_t i = 0; i < cold.size(); ++i) {
    if (cold[i]) counts[i] = 0;
  }
  return counts;
}

std::vector<int> Dataset::PopularityCounts() const {
  std::vector<int> counts(items.size(), 0);
  for (const int user : UsersOf(UserSplit::kTrain)) {
    for (const Interaction& i : users[user].history) ++counts[i.item];
  }
  return counts;
}

}  // namespace attune::trainer
