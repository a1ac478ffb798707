// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/item_table.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/inlined_vector.h"

namespace attune::policy {

std::string_view StringTable::operator[](int64_t i) const {
  uint64_t ends[2];
  std::memcpy(ends, offsets_ + i * static_cast<int64_t>(sizeof(uint64_t)),
              sizeof(ends));
  return {bytes_ + ends[0], static_cast<size_t>(ends[1] - ends[0])};
}

ItemTable::ItemTable() = default;

ItemTable::ItemTable(StringTable ids, StringTable titles, StringTable genres,
                     MatrixView embeddings, const float* popularity)
    : ItemTable(ids, titles, genres, embeddings, popularity,
                Derive(ids, popularity)) {}

ItemTable::ItemTable(StringTable ids, StringTable titles, StringTable genres,
                     MatrixView embeddings, const float* popularity,
                     Derived derived)
    : ids_(ids),
      titles_(titles),
      genres_(genres),
      embeddings_(embeddings),
      popularity_(popularity),
      index_(std::move(derived.index)) {
  if (size() == 0) return;
  if (derived.popular.empty()) {
    nearest_ = std::make_shared<const NearestRows>(embeddings.data(), size(),
                                                   embeddings.cols());
    return;
  }
  auto close = std::make_shared<RowMajorMatrix>(
      static_cast<Eigen::Index>(derived.popular.size()), embeddings.cols());
  for (size_t i = 0; i < derived.popular.size(); ++i) {
    close->row(static_cast<Eigen::Index>(i)) =
        embeddings.row(derived.popular[i]);
  }
  nearest_ = std::make_shared<const NearestRows>(close->data(), close->rows(),
                                                 close->cols());
  popular_embeddings_ = std::move(close);
  popular_ =
      std::make_shared<const std::vector<uint32_t>>(std::move(derived.popular));
}

ItemTable::Derived ItemTable::Derive(const StringTable& ids,
                                     const float* popularity) {
  Derived derived;
  const int64_t size = ids.size();
  if (size == 0) return derived;
  auto slots = std::make_shared<const std::vector<ItemIndex::Slot>>(
      ItemIndex::MakeSlots(size, [&](int64_t row) { return ids[row]; }));
  derived.index = ItemIndex(*slots, slots);
  if (size <= kMaxSearchedItems) return derived;
  std::vector<uint32_t>& popular = derived.popular;
  popular.resize(size);
  std::iota(popular.begin(), popular.end(), 0U);
  std::nth_element(popular.begin(), popular.begin() + kPopularItems,
                   popular.end(), [&](uint32_t a, uint32_t b) {
                     return popularity[a] != popularity[b]
                                ? popularity[a] > popularity[b]
                                : a < b;
                   });
  popular.resize(kPopularItems);
  popular.shrink_to_fit();
  std::sort(popular.begin(), popular.end());
  return derived;
}

int64_t ItemTable::Find(std::string_view id) const {
  if (index_.size() == 0) return -1;
  return index_.Find(HashItemId(id), [&](int64_t row) {
    return row < size() && ids_[row] == id;
  });
}

void ItemTable::FindAll(absl::Span<const std::string_view> ids,
                        absl::Span<int64_t> rows) const {
  if (index_.size() == 0) {
    std::fill(rows.begin(), rows.end(), -1);
    return;
  }
  // Of a large table everything below is a cache miss; each loop starts the
  // next one's for all items before it waits for the first.
  absl::InlinedVector<uint64_t, 64> hashes(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    hashes[i] = HashItemId(ids[i]);
    index_.Prefetch(hashes[i]);
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    rows[i] =
        index_.Find(hashes[i], [this](int64_t row) { return row < size(); });
    if (rows[i] >= 0) Prefetch(rows[i]);
  }
  for (const int64_t row : rows) {
    if (row >= 0) __builtin_prefetch(ids_[row].data());
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    // Another id with the same tag: search on.
    if (rows[i] >= 0 && ids_[rows[i]] != ids[i]) rows[i] = Find(ids[i]);
  }
}

void ItemTable::Prefetch(int64_t row) const {
  ids_.Prefetch(row);
  __builtin_prefetch(popularity_ + row);
  const char* embedding =
      reinterpret_cast<const char*>(embeddings_.data() + row * dim());
  const size_t bytes = sizeof(float) * static_cast<size_t>(dim());
  for (size_t at = 0; at < bytes; at += 64) {
    __builtin_prefetch(embedding + at);
  }
}

std::vector<int64_t> ItemTable::Nearest(
    const Eigen::VectorXf& user, int64_t count,
    absl::Span<const int64_t> excluded) const {
  if (nearest_ == nullptr) return {};
  const auto row_of = [this](int64_t i) {
    return popular_ == nullptr ? i : int64_t{(*popular_)[i]};
  };
  std::vector<int64_t> rows = nearest_->Search(
      user.data(), count,
      [&](int64_t i) { return absl::c_linear_search(excluded, row_of(i)); });
  for (int64_t& row : rows) row = row_of(row);
  return rows;
}

std::vector<std::string_view> ItemTable::genres(int64_t row) const {
  std::vector<std::string_view> result;
  for (std::string_view rest = genres_[row]; !rest.empty();) {
    const std::string_view genre = rest.substr(0, rest.find('|'));
    if (!genre.empty()) result.push_back(genre);
    rest.remove_prefix(std::min(genre.size() + 1, rest.size()));
  }
  return result;
}

}  // namespace attune::policy
