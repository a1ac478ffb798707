// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The Attune Authors

#include "policy/item_table.h"

#include <algorithm>
#include <cstring>

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
    : ids_(ids),
      titles_(titles),
      genres_(genres),
      embeddings_(embeddings),
      popularity_(popularity) {}

int64_t ItemTable::Find(std::string_view id) const {
  int64_t begin = 0;
  int64_t end = ids_.size();
  while (begin < end) {
    const int64_t middle = begin + (end - begin) / 2;
    const int order = ids_[middle].compare(id);
    if (order == 0) return middle;
    if (order < 0) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return -1;
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
