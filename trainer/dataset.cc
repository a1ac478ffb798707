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

using Index = absl::flat_hash_map<std::string, int>;

absl::Status CheckOptions(const DatasetOptions& options) {
  if (options.min_interactions < 3) {
    return absl::InvalidArgumentError("min_interactions must be at least 3");
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

// Every user's interactions in file order; `interactions` also holds those
// below the minimum rating.
absl::StatusOr<std::vector<User>> LoadInteractions(
    const DatasetOptions& options, const Index& items) {
  ATTUNE_ASSIGN_OR_RETURN(auto file, AtomicFile::Open(options.path + ".inter"));
  ATTUNE_ASSIGN_OR_RETURN(const int user, file->Require({"user_id"}));
  ATTUNE_ASSIGN_OR_RETURN(const int item, file->Require({"item_id"}));
  ATTUNE_ASSIGN_OR_RETURN(const int time, file->Require({"timestamp"}));
  const int rating = file->Find({"rating"});
  std::vector<User> users;
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
    }
    const auto [entry, inserted] = index.emplace(
        std::string(row.fields[user]), static_cast<int>(users.size()));
    if (inserted) users.emplace_back().id = entry->first;
    users[entry->second].interactions.push_back(interaction);
  }
  return users;
}

// Sorts by time, keeps the last of repeated items, fills `touched`, drops what
// is below the minimum rating.
void Tidy(const DatasetOptions& options, User& user) {
  std::vector<Interaction>& all = user.interactions;
  std::stable_sort(all.begin(), all.end(),
                   [](const Interaction& a, const Interaction& b) {
                     return a.seconds < b.seconds;
                   });
  absl::flat_hash_map<int, size_t> last;
  for (size_t i = 0; i < all.size(); ++i) last[all[i].item] = i;
  std::vector<Interaction> kept;
  for (size_t i = 0; i < all.size(); ++i) {
    if (last[all[i].item] != i) continue;
    user.touched.push_back(all[i].item);
    if (all[i].weight < options.min_rating) continue;
    kept.push_back(all[i]);
  }
  std::sort(user.touched.begin(), user.touched.end());
  all = std::move(kept);
}

void AssignSplits(const DatasetOptions& options, std::vector<User>& users) {
  std::vector<int> order(users.size());
  std::iota(order.begin(), order.end(), 0);
  policy::Rng rng(options.seed, kSplitStream);
  for (uint32_t i = static_cast<uint32_t>(order.size()); i > 1; --i) {
    std::swap(order[i - 1], order[rng.Below(i)]);
  }
  const double n = static_cast<double>(users.size());
  const auto share = [n](double of) {
    return of > 0.0 ? std::max<int64_t>(1, std::llround(of * n)) : 0;
  };
  const int64_t validation = share(options.validation_share);
  const int64_t test = share(options.test_share);
  for (int64_t i = 0; i < validation + test; ++i) {
    users[order[i]].split =
        i < validation ? UserSplit::kValidation : UserSplit::kTest;
  }
}

}  // namespace

absl::StatusOr<Dataset> Dataset::Load(const DatasetOptions& options) {
  ATTUNE_RETURN_IF_ERROR(CheckOptions(options));
  Dataset dataset;
  dataset.name = options.path.substr(options.path.rfind('/') + 1);
  Index index;
  ATTUNE_ASSIGN_OR_RETURN(dataset.items, LoadItems(options, index));
  ATTUNE_ASSIGN_OR_RETURN(dataset.users, LoadInteractions(options, index));
  for (User& user : dataset.users) Tidy(options, user);
  std::erase_if(dataset.users, [&options](const User& user) {
    return static_cast<int>(user.interactions.size()) <
           options.min_interactions;
  });
  if (dataset.users.size() < 3) {
    return absl::FailedPreconditionError(
        absl::StrCat(dataset.name, ": fewer than 3 users have at least ",
                     options.min_interactions, " interactions"));
  }
  AssignSplits(options, dataset.users);
  return dataset;
}

std::vector<int> Dataset::UsersOf(UserSplit split) const {
  std::vector<int> result;
  for (size_t i = 0; i < users.size(); ++i) {
    if (users[i].split == split) result.push_back(static_cast<int>(i));
  }
  return result;
}

std::vector<int> Dataset::TrainCounts() const {
  std::vector<int> counts(items.size(), 0);
  for (const int user : UsersOf(UserSplit::kTrain)) {
    const auto& all = users[user].interactions;
    for (size_t i = 0; i + 1 < all.size(); ++i) ++counts[all[i].item];
  }
  return counts;
}

}  // namespace attune::trainer
